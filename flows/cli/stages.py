"""Commands that run a flow."""

import os
from typing import Annotated, Any, TypeVar

import typer
from pydantic import ValidationError
from rich.markup import escape

from data.specs.pipeline import EmbedSpec, IndexSpec, PoolSpec, RetrieveSpec, Spec
from flows.cli.console import live, out, print_summary
from flows.cli.main import app
from flows.cli.options import Corpus, Mmr, Root, Runner, Workers, columns, given

S = TypeVar("S", bound=Spec)

Columns = Annotated[
    list[str] | None,
    typer.Option("--column", help="txt=NAME, videoLoc=NAME or videoID=NAME, where they differ."),
]
Engine = Annotated[str | None, typer.Option("--engine", help="open_clip, or fake to rehearse.")]
Model = Annotated[str | None, typer.Option("--model", help="An open_clip architecture.")]
Weights = Annotated[
    str | None, typer.Option("--weights", help="A published tag, or a path to a weights file.")
]
EveryNth = Annotated[
    int | None, typer.Option("--take-every-nth", min=1, help="Keep frames 0, n, 2n, … [25]")
]
Fps = Annotated[float | None, typer.Option("--fps", help="Keep so many frames a second instead.")]
Precision = Annotated[
    str | None,
    typer.Option("--precision", help="fp32, bf16, fp16, or auto: bf16 where it is fast."),
]
Embed = Annotated[
    str | None, typer.Option("--embed", help="Of these vectors, by fingerprint. [those in use]")
]
Activation = Annotated[str | None, typer.Option("--activation", help="auto, gelu or quickgelu.")]


@app.command()
def ingest(
    source: Annotated[str, typer.Argument(metavar="SRC", help="A table, folder, glob or tars.")],
    corpus: Annotated[str, typer.Option("--corpus", help="The corpus to add to.")],
    column: Columns = None,
    probe: Annotated[bool, typer.Option(help="Read each new video once.")] = True,
    root: Root = None,
) -> None:
    """Add a source's videos to a corpus; every row is accounted for."""
    from flows.ingest import ingest as flow

    with live():
        made = flow(source, corpus, columns(column), probe)
    print_summary(made)


@app.command()
def embed(
    corpus: Corpus, engine: Engine = None, model: Model = None, weights: Weights = None,
    take_every_nth: EveryNth = None, fps: Fps = None, precision: Precision = None,
    activation: Activation = None, workers: Workers = None, runner: Runner = None,
    root: Root = None,
) -> None:  # fmt: skip
    """Make the frame vectors that are missing; as those that there are, unless told otherwise."""
    from flows.embed import embed as flow

    spec = asked_spec(engine, model, weights, take_every_nth, fps, precision, activation)
    with live():
        made = flow(corpus, spec)
    print_summary(made)


@app.command()
def pool(
    corpus: Corpus,
    method: Annotated[
        str | None, typer.Option("--method", help="A plugin of engines/pool/methods.")
    ] = None,
    embed: Embed = None,
    root: Root = None,
) -> None:
    """Make one vector of each video's frame vectors."""
    from flows.pool import pool as flow

    spec = _spec(PoolSpec, {"method": method})
    with live():
        made = flow(corpus, spec, embed)
    print_summary(made)


@app.command()
def index(
    corpus: Corpus,
    engine: Annotated[str | None, typer.Option("--engine", help="autofaiss or flat.")] = None,
    key: Annotated[str | None, typer.Option("--key", help="A faiss key, as HNSW32.")] = None,
    gate: Annotated[
        float | None, typer.Option("--gate", help="Least recall@10 to publish. [0.95]")
    ] = None,
    parts: Annotated[
        int | None, typer.Option("--parts", min=1, help="Build in as many tasks. [1]")
    ] = None,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Index everything anew.")] = False,
    embed: Embed = None,
    root: Root = None,
) -> None:
    """Add what is new to the index, or build it, of the kind that it has, unless told otherwise.

    It is published if it passes the gate.
    """
    from flows.index import index as flow

    spec = _spec(IndexSpec, {"engine": engine, "index_key": key, "gate": gate, "parts": parts})
    with live():
        made = flow(corpus, spec, rebuild, embed)
    print_summary(made)


@app.command()
def retrieve(
    corpus: Corpus,
    prompts: Annotated[str, typer.Argument(metavar="PROMPTS", help="A text file or table.")],
    out: Annotated[str, typer.Option("--out", help="The Parquet file to write.")],
    k: Annotated[int, typer.Option("-k", min=1)] = 5,
    where: Annotated[str | None, typer.Option("--where", help="A condition, as fps > 20.")] = None,
    mmr: Mmr = None,
    report: Annotated[
        str | None, typer.Option("--report", help="A page to write: PATH.html, clips playing.")
    ] = None,
    root: Root = None,
) -> None:
    """Search for every prompt of a file."""
    from flows.retrieve import retrieve as flow

    with live():
        made = flow(corpus, prompts, out, RetrieveSpec(k=k, where=where, mmr=mmr), report)
    print_summary(made)


@app.command()
def run(
    corpus: Corpus,
    source: Annotated[str | None, typer.Option("--source", help="Ingest this first.")] = None,
    column: Columns = None, engine: Engine = None, model: Model = None, weights: Weights = None,
    take_every_nth: EveryNth = None, fps: Fps = None, precision: Precision = None,
    activation: Activation = None, workers: Workers = None, runner: Runner = None,
    root: Root = None,
) -> None:  # fmt: skip
    """Bring a corpus up to date: ingest, embed, pool, index; as before, unless told otherwise."""
    from flows.pipeline import pipeline
    from tasks.ui.pipeline_summary import sentence

    spec = asked_spec(engine, model, weights, take_every_nth, fps, precision, activation)
    with live():
        made = pipeline(corpus, source, columns(column), spec)
    for stage, summary in made.items():
        out().print(f"{stage}: {escape(sentence(stage, summary))}")


def asked_spec(
    engine: str | None, model: str | None, weights: str | None, nth: int | None,
    fps: float | None, precision: str | None, activation: str | None,
) -> EmbedSpec | None:  # fmt: skip
    """The spec that a command's options name; None without any: flows take the corpus's own."""
    from tasks.service.machine import fastest_precision

    if nth is not None and fps is not None:
        raise typer.BadParameter("give one of --take-every-nth and --fps")
    fields = given({
        "engine": engine, "model": model, "weights": weights, "activation": activation, "fps": fps,
        "every_nth": nth, "precision": precision,
    })  # fmt: skip
    if not fields:
        return None
    if fps is not None:
        fields["every_nth"] = None
    if precision in (None, "auto"):
        fields["precision"] = fastest_precision()
    if engine == "fake":  # a rehearsed hang should not take a minute
        os.environ.setdefault("REELFLOW_DECODE_DEADLINE_S", "5")
    return _made(EmbedSpec, fields)


def _spec(kind: type[S], options: dict[str, Any]) -> S | None:
    """The spec that options name; None where nobody gave one."""
    fields = given(options)
    return _made(kind, fields) if fields else None


def _made(kind: type[S], fields: dict[str, Any]) -> S:
    try:
        return kind(**fields)
    except ValidationError as error:
        wrong = error.errors()[0]
        raise typer.BadParameter(f"{'.'.join(map(str, wrong['loc']))}: {wrong['msg']}") from error
