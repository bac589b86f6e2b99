"""The command that trains a controller."""

from typing import Annotated, Any

import typer
from pydantic import ValidationError

from data.specs.train import TrainSpec
from flows.cli.console import live, print_summary
from flows.cli.main import app
from flows.cli.options import Corpus, Root, Runner, Threads, given

Out = Annotated[str, typer.Option("--out", help="The folder to train in.")]
Base = Annotated[
    str | None, typer.Option("--base", help="A pipeline in ZeroScope's layout. [the bundled]")
]
Kind = Annotated[str, typer.Option("--kind", help="ragme or ragme-ordered.")]
K = Annotated[int | None, typer.Option("-k", "--k", min=1, help="Neighbours of a video.")]
Same = Annotated[
    str | None, typer.Option("--same", help="Columns that neighbours share, as motion,speed.")
]
Layers = Annotated[int | None, typer.Option("--layers", min=1, help="Of the encoder.")]
Norm = Annotated[str | None, typer.Option("--norm", help="learned, unet or layer.")]
SpatialAverage = Annotated[
    bool | None, typer.Option(help="Whether clips say the same to every pixel of a frame.")
]
Rate = Annotated[float | None, typer.Option("--rate", help="Of learning, at its highest.")]
Size = Annotated[str | None, typer.Option("--size", help="As 448x256.")]
TokenEvery = Annotated[int | None, typer.Option("--token-every", min=1, help="Frames a token.")]
Precision = Annotated[str | None, typer.Option("--precision", help="Of training: fp32 or bf16.")]
Stored = Annotated[str | None, typer.Option("--stored", help="fp32 or fp16.")]
AtLeast1 = Annotated[int | None, typer.Option(min=1)]


@app.command("train-controller")
def train_controller(
    corpus: Corpus, out: Out, base: Base = None, kind: Kind = "ragme", steps: AtLeast1 = None,
    rate: Rate = None, batch: AtLeast1 = None, k: K = None, same: Same = None,
    layers: Layers = None, norm: Norm = None, spatial_average: SpatialAverage = None,
    size: Size = None, frames: AtLeast1 = None, fps: float | None = None,
    token_every: TokenEvery = None, seed: int | None = None, precision: Precision = None,
    stored: Stored = None, threads: Threads = None, runner: Runner = None, root: Root = None,
) -> None:  # fmt: skip
    """Train a RAGME controller on a corpus and a frozen base; run again, it goes on."""
    from flows.train_controller import train_controller as flow

    width, height = _size(size)
    lesson = {"width": width, "height": height, "fps": fps, "k": k, "same": same}
    architecture = {"layers": layers, "norm": norm, "spatial_average": spatial_average}
    asked = {
        "base": base, "steps": steps, "rate": rate, "batch": batch, "seed": seed, "frames": frames,
        "token_every": token_every, "precision": precision, "stored": stored,
        "lesson": given(lesson), "architecture": given(architecture),
    }  # fmt: skip
    with live():
        made = flow(corpus, out, _spec(kind, given(asked)))
    print_summary(made)


def _spec(kind: str, asked: dict[str, Any]) -> TrainSpec:
    from tasks.train.controller import train_spec

    try:
        return train_spec(kind, asked)
    except ValidationError as error:
        wrong = error.errors()[0]
        raise typer.BadParameter(f"{'.'.join(map(str, wrong['loc']))}: {wrong['msg']}") from error


def _size(text: str | None) -> tuple[int | None, int | None]:
    """Width and height of `448x256`."""
    if text is None:
        return None, None
    width, sign, height = text.lower().partition("x")
    if not (sign and width.isdigit() and height.isdigit()):
        raise typer.BadParameter("write --size WIDTHxHEIGHT, as 448x256")
    return int(width), int(height)
