"""The panel "Train and experiment": controllers, and whether retrieval helps."""

from typing import Annotated, Any, Literal

from data.specs.answer import AnswerSpec
from data.specs.pipeline import ExperimentSpec, GenerateSpec
from data.specs.train import TrainSpec
from data.specs.train_motion import TrainAdapterSpec, TrainContextSpec
from data.specs.train_refiner import TrainRefinerSpec
from flows.cli.answer import ANSWER
from flows.cli.app import add_group, open_panel
from flows.cli.console import run_flow
from flows.cli.evaluation_tables import print_experiment
from flows.cli.field_options import report_wrong_values
from flows.cli.generate import GENERATE
from flows.cli.options import (
    AsJson,
    Corpus,
    Root,
    Runner,
    Size,
    Threads,
    Workers,
    arg,
    opt,
    parse_size,
    parse_sizes,
)
from flows.cli.score_tables import print_text_experiment
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
    "frames", "clips.fps", "clips.most", "same", option("window", "--window"), "video_encoder",
    "clip_gradient", "motion_dropout", "text_dropout", "average", "seed", "precision",
)  # fmt: skip
CONTEXT = SpecOptions(
    TrainContextSpec(), option("controller", "--motion"), option("fresh", "--fresh"), "steps",
    "rate", "batch", option("retrieve.k", "-k", "--k", min=1), option("retrieve.by", "--by"),
    "retrieve.not_from_same", "retrieve.ceiling", "retrieve.dedup", "clip_gradient", "average",
    "seed", "precision",
)  # fmt: skip
EXPERIMENT = SpecOptions(
    ExperimentSpec(generate=GenerateSpec(), controllers=("bundled",)),
    option("generate.retrieve.k", "-k", "--k", min=1, help="Largest number of clips per prompt."),
    option("controllers", "--controller"),
    option("metrics", "--metric"),
    *GENERATE.put_under("generate", "controller", "retrieve.k", "shuffled"),
)

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


experiment = add_group("experiment", "Measure whether something helps.", "Train and experiment")


@experiment.command()
@add_options(fields=EXPERIMENT)
def retrieval(
    corpus: Corpus,
    prompts: Annotated[str, arg("PROMPTS", "A table: CSV, JSON Lines or Parquet.")],
    fields: Fields, as_json: AsJson = False, workers: Workers = None, runner: Runner = None,
    size: Size = None, root: Root = None,
) -> None:  # fmt: skip
    """Does retrieval help? Compare 0 to k clips, and unrelated clips, on the same prompts."""
    from flows.experiment import experiment_retrieval
    from tasks.evaluate.conditions import build_experiment_spec
    from tasks.generate.spec import build_generate_spec
    from tasks.precision import fastest_precision

    generated: dict[str, Any] = fields.pop("generate", {}) | parse_size(size)
    if generated.get("precision") == "auto":
        generated["precision"] = fastest_precision()
    with report_wrong_values():
        spec = build_experiment_spec(generate=build_generate_spec(**generated), **fields)
    show = print_experiment
    run_flow(experiment_retrieval, corpus, prompts, spec, as_json=as_json, print_plain=show)


@experiment.command()
@add_options(fields=ANSWER)
def texts(
    corpus: Corpus,
    questions: Annotated[str, arg("QUESTIONS", "File of questions.")],
    fields: Fields,
    layout: Annotated[
        str, opt("--layout", "Layout of the file: table, or a benchmark's, such as video-mme.")
    ] = "table",
    page: Annotated[
        str | None, opt("--out", "HTML file to write.", "report.html in the experiment's folder")
    ] = None,
    as_json: AsJson = False, workers: Workers = None, runner: Runner = None, root: Root = None,
) -> None:  # fmt: skip
    """Do texts help? Answer the same questions from several texts, and from another video's."""
    from flows.experiment_texts import experiment_texts

    spec = build_spec(AnswerSpec(), fields)
    run_flow(
        experiment_texts, corpus, questions, layout, spec, page, as_json=as_json,
        print_plain=print_text_experiment,
    )  # fmt: skip
