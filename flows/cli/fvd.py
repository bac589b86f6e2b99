"""The command that says how far generated videos are from real ones."""

import json
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from data.errors import UserError
from data.specs.distance import PROTOCOLS, ClipSpec, DistanceSpec
from flows.cli.console import live, print_summary
from flows.cli.main import app
from flows.cli.options import AsJson, Root, Runner, Workers, given

Generated = Annotated[
    str, typer.Argument(metavar="GENERATED", help="A run, a corpus, or a folder of videos.")
]
Real = Annotated[str, typer.Option("--real", help="The same, of videos to compare with.")]
Extractor = Annotated[
    str | None,
    typer.Option("--extractor", help="pixel_stats, random_projection, r3d_18, … [i3d_k400]"),
]
Weights = Annotated[str | None, typer.Option("--weights", help="The extractor's, a path.")]
Sha256 = Annotated[
    str | None, typer.Option("--sha256", help="That the weights must have; TorchScript needs it.")
]
Protocol = Annotated[
    str | None, typer.Option("--protocol", help=f"A published one: {', '.join(PROTOCOLS)}.")
]
Frames = Annotated[int | None, typer.Option("--frames", min=1, help="Of a clip. [16]")]
Stride = Annotated[int | None, typer.Option("--stride", min=1, help="Every nth frame. [1]")]
Fps = Annotated[float | None, typer.Option("--fps", help="Frames a second. [the video's own]")]
Resize = Annotated[str | None, typer.Option("--resize", help="direct, or short: crops. [direct]")]
Antialias = Annotated[
    bool | None, typer.Option("--antialias/--no-antialias", help="Where pictures shrink. [no]")
]
Window = Annotated[
    str | None, typer.Option("--window", help="first frames, or random, of both sets. [first]")
]
Most = Annotated[int | None, typer.Option("--n", min=2, help="Clips of each set at most. [all]")]
Seed = Annotated[int | None, typer.Option("--seed", min=0, help="Draws clips and windows. [0]")]
Subsets = Annotated[
    int | None, typer.Option("--subsets", min=0, help="Mean and sd over so many. [0]")
]
SubsetSize = Annotated[int | None, typer.Option("--subset-size", min=2, help="Clips. [256]")]


@app.command()
def fvd(
    generated: Generated, real: Real, extractor: Extractor = None, weights: Weights = None,
    sha256: Sha256 = None, protocol: Protocol = None, frames: Frames = None,
    stride: Stride = None, fps: Fps = None, resize: Resize = None, antialias: Antialias = None,
    window: Window = None, n: Most = None, seed: Seed = None, subsets: Subsets = None,
    subset_size: SubsetSize = None, as_json: AsJson = False, workers: Workers = None,
    runner: Runner = None, root: Root = None,
) -> None:  # fmt: skip
    """Say how far generated videos are from real ones: FVD and KVD, and their noise floor."""
    from flows.fvd import fvd as flow

    clip = given(
        {"extractor": extractor, "frames": frames, "stride": stride, "fps": fps, "resize": resize,
         "antialias": antialias}
    )  # fmt: skip
    sets = given({"real_window": window, "generated_window": window, "n_real": n, "n_generated": n})
    spec = _spec(
        protocol, clip, sets, given({"weights": weights, "sha256": sha256}),
        given({"seed": seed, "subsets": subsets, "subset_size": subset_size}),
    )  # fmt: skip
    with live():
        result = flow(generated, real, spec)
    typer.echo(json.dumps(result)) if as_json else print_summary(_shown(result))


def _spec(
    protocol: str | None,
    clip: dict[str, Any],
    sets: dict[str, Any],
    file: dict[str, Any],
    free: dict[str, Any],
) -> DistanceSpec:
    """The protocol's spec, or that of the options; a protocol fixes all that it is known by."""
    if protocol is not None and protocol not in PROTOCOLS:
        raise UserError(f"no protocol {protocol!r}: there are {', '.join(PROTOCOLS)}")
    if protocol is not None and (clip or sets):
        raise UserError(f"{protocol} fixes the clips: leave out --protocol, or the other options")
    usual = PROTOCOLS[protocol] if protocol else DistanceSpec()
    try:
        chosen = ClipSpec.model_validate(usual.clip.model_dump() | clip | file)
        return DistanceSpec.model_validate(usual.model_dump() | sets | free | {"clip": chosen})
    except ValidationError as error:
        wrong = error.errors()[0]
        raise typer.BadParameter(f"{'.'.join(map(str, wrong['loc']))}: {wrong['msg']}") from error


def _shown(result: dict[str, Any]) -> dict[str, Any]:
    """The figures that a person reads first."""
    said = {
        result["metric"]: result["value"],
        "mean term": result["mean_term"],
        "trace term": result["trace_term"],
        result["kernel_metric"]: result["kernel"],
    }
    if floor := result["floor"]:
        said[f"noise floor at {floor['n']} clips"] = floor["real_against_real"]["value"]
        said[f"distance at {floor['n']} clips"] = floor["real_against_generated"]["value"]
    else:
        said["noise floor"] = "none: it takes four real clips"
    if spread := result["subsets"]:
        said[f"{spread['subsets']} subsets of {spread['n']}"] = (
            f"{spread['mean']:.4g} ± {spread['sd']:.2g}"
        )
    for name, each in result["sets"].items():
        said[name] = f"{each['clips']} clips, {each['failed']} failed, of {each['available']}"
    for number, note in enumerate(result["notes"], start=1):
        said[f"note {number}"] = note
    return said | {"kept as": result["distance"]}
