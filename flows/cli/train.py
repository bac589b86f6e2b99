"""The panel "Train and experiment": controllers, and whether retrieval helps."""

from typing import Annotated, Literal

from data.specs.train import TrainSpec
from data.specs.train_motion import TrainAdapterSpec, TrainContextSpec
from data.specs.train_refiner import TrainRefinerSpec
from flows.cli.app import add_group, open_panel
from flows.cli.console import run_flow
from flows.cli.field_options import report_wrong_values
from flows.cli.options import (
    Corpus,
    Root,
    Runner,
    Size,
    Threads,
    opt,
    parse_size,
    parse_sizes,
)
from flows.cli.spec_options import Fields, SpecOptions, add_options, build_spec, option

TRAIN = SpecOptions(
    TrainSpec(), "base", "steps", "rate", "batch", option("lesson.k", "-k", "--k"), "lesson.same",
    "architecture.layers", "architecture.norm", "architecture.spatial_average", "frames",
    "lesson.fps", "token_every", "seed", "precision", "stored", "lesson.most", "lesson.ceiling",
    "lesson.dedup", "architecture.mode", "architecture.tokens", "architecture.videos",
    "architecture.temporal_average", "architecture.only_cross_attention", "architecture.positions",
    "text_dropout", "retrieval_dropout", "average",
)  # fmt: skip
REFINER = SpecOptions(
    TrainRefinerSpec(), "refiner", "steps", "rate", "batch", "window", "crop", "clips.fps", "same",
    "held_out", option("corrupt.grain_least", "--grain-least"),
    option("corrupt.grain_most", "--grain-most"),
    option("corrupt.masks", "--mask"), option("corrupt.masked", "--masked"),
    option("architecture", "--architecture", parse=parse_sizes, default="as published"),
    "adversarial", "start", "seed", "precision", "stored", "clips.most", "evaluate_every",
    "patience", "average",
)  # fmt: skip
ADAPTER = SpecOptions(
    TrainAdapterSpec(), "base", option("controller", "--motion"), "steps", "rate", "batch",
    "frames", "clips.fps", "clips.most", option("window", "--window"), "video_encoder",
    "clip_gradient", "motion_dropout", "text_dropout", "average", "seed", "precision",
)  # fmt: skip
CONTEXT = SpecOptions(
    TrainContextSpec(), option("controller", "--motion"), option("fresh", "--fresh"), "steps",
    "rate", "batch", option("retrieve.k", "-k", "--k", min=1), option("retrieve.by", "--by"),
    "retrieve.not_from_same", "retrieve.ceiling", "retrieve.dedup", "clip_gradient", "average",
    "seed", "precision",
)  # fmt: skip
command = open_panel("Train and experiment")


@command("train-controller")
@add_options(fields=TRAIN)
def train_controller(
    corpus: Corpus,
    out: Annotated[str, opt("--out", "Folder to train in.")],
    fields: Fields,
    kind: Annotated[
        Literal["ragme", "ragme-ordered"], opt("--kind", "Kind of architecture.")
    ] = "ragme",
    size: Size = None, threads: Threads = None, runner: Runner = None, root: Root = None,
) -> None:  # fmt: skip
    """Train a RAGME controller for a frozen base model; run it again to resume.

    With the bundled base the defaults are 64x64, 8 frames at 4 fps, every frame a token, 1 layer,
    norm layer, learning rate 0.001 and 3000 steps.
    """
    from flows.train_controller import train_controller as flow
    from tasks.train.controller import build_train_spec

    if size:
        fields.setdefault("lesson", {}).update(parse_size(size))
    with report_wrong_values():
        spec = build_train_spec(kind, fields)
    run_flow(flow, corpus, out, spec)


@command("train-refiner")
@add_options(fields=REFINER)
def train_refiner(
    corpus: Corpus,
    out: Annotated[str, opt("--out", "Folder to train in.")],
    fields: Fields,
    size: Size = None, threads: Threads = None, runner: Runner = None, root: Root = None,
) -> None:  # fmt: skip
    """Train a refiner on a corpus's clips; run it again to resume.

    The corpus needs to be ingested, and no more. Use the refiner with
    `reelflow refine RUN --refiner unet --weights OUT`.
    """
    from flows.train_refiner import train_refiner as flow

    if size:
        fields.setdefault("clips", {}).update(parse_size(size))
    run_flow(flow, corpus, out, build_spec(TrainRefinerSpec(), fields))


train_motion = add_group("train-motion", "Train MotionRAG's networks.", "Train and experiment")


@train_motion.command()
@add_options(fields=ADAPTER)
def adapter(
    corpus: Corpus,
    out: Annotated[str, opt("--out", "Folder to train in.")],
    fields: Fields,
    size: Size = None, threads: Threads = None, runner: Runner = None, root: Root = None,
) -> None:  # fmt: skip
    """Train adapters and motion resampler on a frozen base (stage 1); run it again to resume."""
    from flows.train_motion import train_motion_adapter as flow

    if size:
        fields.setdefault("clips", {}).update(parse_size(size))
    run_flow(flow, corpus, out, build_spec(TrainAdapterSpec(), fields))


@train_motion.command()
@add_options(fields=CONTEXT)
def context(
    corpus: Corpus,
    out: Annotated[str, opt("--out", "Folder to train in.")],
    fields: Fields,
    threads: Threads = None, runner: Runner = None, root: Root = None,
) -> None:  # fmt: skip
    """Train the context transformer on stored motion features (stage 2); no video is decoded.

    The corpus needs `reelflow motion-features --patches`, and vectors of captions for --by caption.
    """
    from flows.train_motion import train_motion_context as flow

    run_flow(flow, corpus, out, build_spec(TrainContextSpec(), fields))
