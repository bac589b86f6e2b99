"""The panel "Benchmarks": their data, leaks of it into a corpus, and Fréchet distances."""

from typing import Annotated, Any, Literal

from rich.table import Table

from data.errors import UserError
from data.specs.distance import PROTOCOLS, DistanceSpec
from data.specs.evaluate import EvaluateSpec
from flows.cli.app import add_group, open_panel
from flows.cli.console import escape, out, print_result, print_summary, run_flow
from flows.cli.evaluate import WeightsFolder
from flows.cli.options import AsJson, Corpus, Root, Runner, Workers, arg, drop_unset, opt
from flows.cli.spec_options import Fields, SpecOptions, add_options, build_spec, option

FILE = SpecOptions(DistanceSpec(), "clip.weights", "clip.sha256")
CLIPS = SpecOptions(
    DistanceSpec(), "clip.extractor", "clip.frames", "clip.stride", "clip.fps", "clip.resize",
    "clip.antialias",
    option("real_window", "--window", also="generated_window",
           help="Frames of each video to use: its first ones, or a random window."),
    option("n_real", "--n", also="n_generated",
           help="Maximum number of clips per set, sampled with the seed; all if left out."),
    "generated_window", "n_generated", option("clip.seed", "--extractor-seed"),
)  # fmt: skip
SUBSETS = SpecOptions(DistanceSpec(), "seed", "subsets", "subset_size")
CLIP_DTYPE = SpecOptions(EvaluateSpec(), "clip_dtype")
DataFolder = Annotated[str, arg("OUT", "Folder to write; existing files are kept.")]

command = open_panel("Benchmarks")


@command()
@add_options(clips=CLIPS, file=FILE, subsets=SUBSETS)
def fvd(
    generated: Annotated[str, arg("GENERATED", "Generation run, corpus, or folder.")],
    real: Annotated[str, opt("--real", "The same, of the videos to compare with.")],
    clips: Fields, file: Fields, subsets: Fields,
    protocol: Annotated[
        str | None, opt("--protocol", f"Published protocol: {', '.join(PROTOCOLS)}.")
    ] = None,
    as_json: AsJson = False, workers: Workers = None, runner: Runner = None, root: Root = None,
) -> None:  # fmt: skip
    """Compute FVD and KVD between generated and real videos, and their noise floor."""
    from flows.fvd import fvd as flow

    if protocol is not None and protocol not in PROTOCOLS:
        raise UserError(f"unknown protocol {protocol!r}: choose from {', '.join(PROTOCOLS)}")
    if protocol is not None and clips:
        raise UserError(f"{protocol} fixes the clips: omit --protocol, or the other clip options")
    clip = clips.get("clip", {}) | file.get("clip", {})
    base = PROTOCOLS[protocol] if protocol else DistanceSpec()
    spec = build_spec(base, clips | subsets | {"clip": clip})
    run_flow(flow, generated, real, spec, as_json=as_json, print_plain=_print_distance)


@command()
def leaks(
    corpus: Corpus,
    source: Annotated[str, arg("SOURCE", "Clips of an evaluation.")],
    threshold: Annotated[
        float | None,
        opt("--threshold", "Cosine of near copies, at least.", "0.98", min=-1, max=1),
    ] = None,
    file: Annotated[str | None, opt("--out", "File to write, for `generate --without`.")] = None,
    groups: Annotated[
        bool, opt("--groups", "Report near-duplicates of each match too, as dedup groups them.")
    ] = False,
    as_json: AsJson = False, workers: Workers = None, runner: Runner = None, root: Root = None,
) -> None:  # fmt: skip
    """Find clips of an evaluation that are in a corpus, identical or nearly so."""
    from flows.leaks import leaks as flow

    options = drop_unset({"threshold": threshold, "out": file})
    run_flow(
        flow, corpus, source, groups=groups, **options, as_json=as_json, print_plain=_print_leaks
    )


benchmark = add_group("benchmark", "Prepare the data of MSRVTT-Personalization.", "Benchmarks")


@benchmark.command()
def prepare(
    annotations: Annotated[str, arg("ANNOTATIONS", "Folder of the unpacked annotations.")],
    videos: Annotated[str, arg("VIDEOS", "Folder of MSR-VTT's videos.")],
    folder: DataFolder,
    inpaint: Annotated[
        str | None, opt("--inpaint", "Stable Diffusion inpainting pipeline, for backgrounds.")
    ] = None,
    seed: Annotated[int, opt("--seed", "Random seed of inpainting.", min=0)] = 0,
    as_json: AsJson = False, workers: Workers = None, runner: Runner = None, root: Root = None,
) -> None:  # fmt: skip
    """Cut the annotated clips, with their frames, cut-outs and backgrounds."""
    from flows.benchmark import benchmark_prepare

    run_flow(benchmark_prepare, annotations, videos, folder, inpaint, seed, as_json=as_json)


@benchmark.command()
@add_options(fields=CLIP_DTYPE)
def embed(
    source: Annotated[str, arg("DATA", "Folder of prepared clips, or the miniature.")],
    folder: DataFolder, fields: Fields, weights: WeightsFolder = None,
    layout: Annotated[
        Literal["parquet", "official"],
        opt("--layout", "official: the files that the published scripts write."),
    ] = "parquet",
    annotations: Annotated[
        str | None, opt("--annotations", "Annotations whose order of faces to keep.")
    ] = None,
    as_json: AsJson = False, workers: Workers = None, runner: Runner = None, root: Root = None,
) -> None:  # fmt: skip
    """Compute the benchmark's reference embeddings: texts, frames, cut-outs and faces."""
    from flows.benchmark import benchmark_embed

    spec = build_spec(EvaluateSpec(), fields)
    run_flow(benchmark_embed, source, folder, weights, spec, layout, annotations, as_json=as_json)


@benchmark.command()
def lists(
    data: Annotated[str, arg("DATA", "Folder of prepared clips.")],
    folder: Annotated[str, opt("--out", "Folder to write to.")] = ".",
    mode: Annotated[
        Literal["subject", "face", "all"], opt("--mode", "Which lists to write.")
    ] = "all",
    as_json: AsJson = False, root: Root = None,
) -> None:  # fmt: skip
    """Write the lists of prompts and reference images that a generator is given."""
    from flows.benchmark import benchmark_lists

    print_result(benchmark_lists(data, folder, mode), as_json)


def _print_leaks(result: dict[str, Any]) -> None:
    table = Table("clip", "kind", "cosine", "video of the corpus")
    for leak in result["leaks"]:
        names = escape(leak["clip"]), escape(leak["video_id"])
        table.add_row(names[0], leak["kind"], f"{leak['similarity']:.3f}", names[1])
    clips = len({leak["clip"] for leak in result["leaks"]})
    if clips:
        out().print(table)
    out().print(f"{clips:,} of {result['clips']:,} clips are in {result['corpus']}")
    for failed in result["failed"]:
        text = f"not compared: {failed['id']}: {failed['detail']} ({failed['reason']})"
        out(err=True).print(text, markup=False)


def _print_distance(result: dict[str, Any]) -> None:
    """Prints the figures that a person reads first."""
    summary = {
        result["metric"]: result["value"],
        "mean term": result["mean_term"],
        "trace term": result["trace_term"],
        result["kernel_metric"]: result["kernel"],
    }
    if floor := result["floor"]:
        summary[f"noise floor at {floor['n']} clips"] = floor["real_against_real"]["value"]
        summary[f"distance at {floor['n']} clips"] = floor["real_against_generated"]["value"]
    else:
        summary["noise floor"] = "none: needs at least four real clips"
    if spread := result["subsets"]:
        name = f"{spread['subsets']} subsets of {spread['n']}"
        summary[name] = f"{spread['mean']:.4g} ± {spread['sd']:.2g}"
    for name, each in result["sets"].items():
        summary[name] = f"{each['clips']} clips, {each['failed']} failed, of {each['available']}"
    for number, note in enumerate(result["notes"], start=1):
        summary[f"note {number}"] = note
    print_summary(summary | {"saved as": result["distance"]})
