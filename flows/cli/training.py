"""The command that trains a controller."""

from typing import Annotated, Any

import typer
from pydantic import ValidationError

from flows.cli.console import live, print_summary
from flows.cli.main import app
from flows.cli.options import Corpus, Root, Runner, Threads


@app.command("train-controller")
def train_controller(
    corpus: Corpus,
    out: Annotated[str, typer.Option("--out", help="The folder to train in.")],
    base: Annotated[
        str | None, typer.Option("--base", help="A pipeline in ZeroScope's layout. [the bundled]")
    ] = None,
    kind: Annotated[str, typer.Option("--kind", help="ragme or ragme-ordered.")] = "ragme",
    steps: Annotated[int | None, typer.Option("--steps", min=1)] = None,
    rate: Annotated[float | None, typer.Option("--rate", help="Learning rate.")] = None,
    batch: Annotated[int | None, typer.Option("--batch", min=1)] = None,
    k: Annotated[int | None, typer.Option("-k", "--k", min=1, help="Neighbours a video.")] = None,
    same: Annotated[
        str | None, typer.Option("--same", help="Columns neighbours share, as motion,speed.")
    ] = None,
    layers: Annotated[int | None, typer.Option("--layers", min=1, help="The encoder's.")] = None,
    norm: Annotated[str | None, typer.Option("--norm", help="learned, unet or layer.")] = None,
    size: Annotated[str | None, typer.Option("--size", help="As 448x256.")] = None,
    frames: Annotated[int | None, typer.Option("--frames", min=1)] = None,
    fps: Annotated[float | None, typer.Option("--fps")] = None,
    token_every: Annotated[
        int | None, typer.Option("--token-every", min=1, help="Frames a token.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0)] = None,
    precision: Annotated[str | None, typer.Option("--precision", help="fp32 or bf16.")] = None,
    stored: Annotated[str | None, typer.Option("--stored", help="fp32 or fp16.")] = None,
    threads: Threads = None, runner: Runner = None, root: Root = None,
) -> None:  # fmt: skip
    """Train a RAGME controller on a corpus and a frozen base; run again, it goes on."""
    from flows.train_controller import train_controller as flow
    from tasks.teach import train_spec

    width, height = _size(size)
    lesson = {"width": width, "height": height, "fps": fps, "k": k, "same": same}
    asked: dict[str, Any] = {
        "base": base, "steps": steps, "rate": rate, "batch": batch, "seed": seed, "frames": frames,
        "token_every": token_every, "precision": precision, "stored": stored,
        "lesson": _given(lesson), "architecture": _given({"layers": layers, "norm": norm}),
    }  # fmt: skip
    try:
        spec = train_spec(kind, _given(asked))
    except ValidationError as error:
        wrong = error.errors()[0]
        raise typer.BadParameter(f"{'.'.join(map(str, wrong['loc']))}: {wrong['msg']}") from error
    with live():
        print_summary(flow(corpus, out, spec))


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """The options that were given."""
    return {name: value for name, value in options.items() if value is not None}


def _size(text: str | None) -> tuple[int | None, int | None]:
    """Width and height of `448x256`."""
    if text is None:
        return None, None
    width, sign, height = text.lower().partition("x")
    if not (sign and width.isdigit() and height.isdigit()):
        raise typer.BadParameter("write --size WIDTHxHEIGHT, as 448x256")
    return int(width), int(height)
