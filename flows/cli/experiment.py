"""The group `reelflow experiment`: whether retrieval, motion and texts help."""

from typing import Annotated, Any

from data.errors import UserError
from data.specs.answer import AnswerSpec
from data.specs.distance import ClipSpec, DistanceSpec
from data.specs.motion_experiment import MOTION_EXPERIMENT
from data.specs.pipeline import ExperimentSpec, GenerateSpec
from flows.cli.answer import ANSWER
from flows.cli.app import add_group
from flows.cli.console import run_flow
from flows.cli.evaluate import WeightsFolder
from flows.cli.evaluation_tables import print_experiment
from flows.cli.field_options import report_wrong_values
from flows.cli.generate import GENERATE
from flows.cli.options import AsJson, Corpus, Root, Runner, Size, Workers, arg, opt, parse_size
from flows.cli.score_tables import print_text_experiment
from flows.cli.spec_options import Fields, SpecOptions, add_options, build_spec, option

EXPERIMENT = SpecOptions(
    ExperimentSpec(generate=GenerateSpec(), controllers=("bundled",)),
    option("generate.retrieve.k", "-k", "--k", min=1, help="Largest number of clips per prompt."),
    option("controllers", "--controller"),
    option("metrics", "--metric"),
    *GENERATE.put_under("generate", "controller", "retrieve.k", "shuffled"),
)
MOTION = SpecOptions(
    MOTION_EXPERIMENT,
    option("generate.retrieve.k", "-k", "--k", min=1, help="Largest number of clips per prompt."),
    option("metrics", "--metric"),
    *GENERATE.put_under(
        "generate", "engine", "retrieve.k", "retrieve.own", "shuffled", "negative", "rag.guidance",
        "rag.init", "rag.start", "rag.weights", "rag.token_every", "rag.compat", "motion.fusion",
        "motion.source", "motion.source_column", "motion.backwards",
    ),
)  # fmt: skip

Fvd = Annotated[
    str | None,
    opt("--fvd", "Also measure Fréchet distances to the corpus by this extractor, e.g. i3d_k400."),
]
FvdWeights = Annotated[str | None, opt("--fvd-weights", "Path of the extractor's weights.")]

experiment = add_group("experiment", "Measure whether something helps.", "Train and experiment")


@experiment.command()
@add_options(fields=EXPERIMENT)
def retrieval(
    corpus: Corpus,
    prompts: Annotated[str, arg("PROMPTS", "A table: CSV, JSON Lines or Parquet.")],
    fields: Fields, weights: WeightsFolder = None, fvd: Fvd = None, fvd_weights: FvdWeights = None,
    as_json: AsJson = False, workers: Workers = None, runner: Runner = None, size: Size = None,
    root: Root = None,
) -> None:  # fmt: skip
    """Does retrieval help? Compare 0 to k clips, and unrelated clips, on the same prompts."""
    from flows.experiment import experiment_retrieval
    from tasks.evaluate.conditions import build_experiment_spec
    from tasks.generate.spec import build_generate_spec

    generated = _pop_generated(fields, size)
    with report_wrong_values():
        spec = build_experiment_spec(generate=build_generate_spec(**generated), **fields)
    run_flow(
        experiment_retrieval, corpus, prompts, spec, weights, _build_distance(fvd, fvd_weights),
        as_json=as_json, print_plain=print_experiment,
    )  # fmt: skip


@experiment.command()
@add_options(fields=MOTION)
def motion(
    corpus: Corpus,
    prompts: Annotated[str, arg("PROMPTS", "A table: CSV, JSON Lines or Parquet.")],
    fields: Fields,
    truth: Annotated[
        str | None,
        opt("--truth", "Column with the id of the clip that each video should have been."),
    ] = None,
    only: Annotated[
        list[str] | None,
        opt("--only", "Condition to compare with the base; repeatable.", "all of them"),
    ] = None,
    weights: WeightsFolder = None, fvd: Fvd = None, fvd_weights: FvdWeights = None,
    as_json: AsJson = False, workers: Workers = None, runner: Runner = None, size: Size = None,
    root: Root = None,
) -> None:  # fmt: skip
    """Does retrieved motion help? Compare uses of clips, and controls, on the same pictures.

    Name an image-to-video base with --model and a release with --motion.
    """
    from flows.experiment import experiment_motion
    from tasks.generate.spec import choose_defaults

    given = fields.get("generate", {})
    suited = choose_defaults("motionrag", given.get("base"))
    fields["generate"] = {"precision": "auto"} | suited | given
    generated = _pop_generated(fields, size)
    spec = build_spec(MOTION_EXPERIMENT, fields | {"generate": generated})
    run_flow(
        experiment_motion, corpus, prompts, spec, truth, only, weights,
        _build_distance(fvd, fvd_weights), as_json=as_json, print_plain=print_experiment,
    )  # fmt: skip


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


def _build_distance(extractor: str | None, weights: str | None) -> DistanceSpec | None:
    """The distance that these options ask for; a UserError for weights of no extractor."""
    if extractor is None:
        if weights is not None:
            raise UserError("--fvd-weights are whose? name the extractor with --fvd")
        return None
    return DistanceSpec(clip=ClipSpec(extractor=extractor, weights=weights))


def _pop_generated(fields: Fields, size: str | None) -> dict[str, Any]:
    """The fields of generation, with the size and the precision that suits this machine."""
    from tasks.precision import fastest_precision

    generated: dict[str, Any] = fields.pop("generate", {}) | parse_size(size)
    if generated.get("precision") == "auto":
        generated["precision"] = fastest_precision()
    return generated
