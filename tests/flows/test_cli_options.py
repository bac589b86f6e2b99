"""Options generated from specs: flags, types, bounds and defaults, and what commands get."""

import re
from typing import Annotated, Any, Literal

import pytest
import typer
import typer.testing
from pydantic import Field

from data.specs.answer import AnswerSpec
from data.specs.distance import DistanceSpec
from data.specs.encode import CaptionSpec
from data.specs.evaluate import EvaluateSpec
from data.specs.motion import MotionFeaturesSpec
from data.specs.pipeline import (
    EmbedSpec,
    ExperimentSpec,
    GenerateSpec,
    IndexSpec,
    PoolSpec,
    RetrieveSpec,
    Spec,
)
from data.specs.train import TrainSpec
from data.specs.train_motion import TrainAdapterSpec
from flows.cli import (
    answer,
    benchmarks,
    corpus,
    evaluate,
    experiment,
    generate,
    motion,
    search,
    train,
)
from flows.cli.options import EMBED, opt
from flows.cli.spec_options import Fields, SpecOptions, add_options, build_spec, option


class InnerSpec(Spec):
    """Nested."""

    share: float = Field(0.5, gt=0, le=1)
    """Share of something, 0–1."""


class ToySpec(Spec):
    """A new stage's spec."""

    kind: Literal["flat", "tree"] = "flat"
    """Kind of thing."""
    count: int | None = Field(7, ge=1)
    """Number of [things]."""
    deep: bool = False
    """Go deep."""
    names: tuple[str, ...] = ()
    """Names."""
    inner: InnerSpec = InnerSpec()


TOY = SpecOptions(
    ToySpec(), option("kind", choices=("auto",)), "count", option("deep", "--deep"), "names",
    option("inner.share", "--share"),
)  # fmt: skip


@pytest.fixture
def typed():
    """Types a command's words; the exit code, the output, and the fields that the command got."""
    app, got = typer.Typer(), {}

    @app.command()
    @add_options(fields=TOY)
    def toy(
        name: Annotated[str, typer.Argument()],
        fields: Fields,
        more: Annotated[int, opt("--more", "An option of its own.")] = 1,
    ) -> None:
        got.update(name=name, fields=fields, more=more)

    def run(*words: str) -> tuple[int, str, dict[str, Any]]:
        got.clear()
        result = typer.testing.CliRunner().invoke(app, list(words), env={"COLUMNS": "200"})
        return result.exit_code, result.output, dict(got)

    return run


def test_a_command_gets_the_fields_that_the_user_set(typed) -> None:
    words = ("a", "--share", "0.25", "--deep", "--names", "x", "--names", "y", "--more", "2")
    fields = {"inner": {"share": 0.25}, "deep": True, "names": ["x", "y"]}
    assert typed(*words) == (0, "", {"name": "a", "fields": fields, "more": 2})
    assert typed("a")[2]["fields"] == {}


@pytest.mark.parametrize(
    "words", [("--kind", "ring"), ("--count", "0"), ("--share", "0"), ("--share", "2")]
)
def test_a_value_that_the_field_rejects_is_wrong_usage_of_its_option(typed, words) -> None:
    code, output, got = typed("a", *words)
    assert (code, got) == (2, {}) and words[0] in output


def test_help_has_descriptions_choices_and_defaults(typed) -> None:
    _, output, _ = typed("--help")
    said = {line.split()[1]: line for line in output.splitlines() if "│ --" in line}
    assert "Number of [things]." in said["--count"] and "[default: 7]" in said["--count"]
    assert "flat|tree|auto" in said["--kind"] and "[default: 0.5]" in said["--share"]
    assert "default" not in said["--deep"] + said["--names"]


def test_fields_that_were_not_set_are_the_base_s() -> None:
    base = ToySpec(count=3, inner=InnerSpec(share=0.75))
    assert build_spec(base, {}) == base
    built = build_spec(base, {"inner": {"share": 1.0}})
    assert (built.count, built.inner.share) == (3, 1.0)
    with pytest.raises(typer.BadParameter, match=r"inner\.share"):
        build_spec(base, {"inner": {"share": 7.0}})


def test_every_field_of_a_form_is_described_as_a_sentence() -> None:
    def fields(spec: type[Spec]) -> dict[str, str | None]:
        return {f"{spec.__name__}.{k}": f.description for k, f in spec.model_fields.items()}

    described: dict[str, str | None] = {}
    todo = list(Spec.__subclasses__())
    for spec in todo:
        if spec.__module__.startswith("data."):
            described |= fields(spec)
    assert len(described) > 75
    wrong = [
        name
        for name, text in described.items()
        if not re.fullmatch(r"(?s).+\w.*\.|.+\)\.", text or "")
    ]
    assert not wrong


@pytest.mark.parametrize(
    ("command", "spec", "bundled"),
    [(generate.generate, GenerateSpec, "tasks.generate.spec"),
     (train.train_controller, TrainSpec, "tasks.train.controller")],
)  # fmt: skip
def test_help_names_the_defaults_of_the_bundled_models(command, spec, bundled: str) -> None:
    """They differ from the specs' own, which the options show."""
    from importlib import import_module

    values = import_module(bundled).BUNDLED
    flat = [each for each in values.values() if not isinstance(each, dict | Spec)]
    flat += [v for each in values.values() if isinstance(each, dict) for v in each.values()]
    text = re.sub(r"\s+", " ", command.__doc__)
    missing = [v for v in flat if (v if isinstance(v, str) else f"{v:g}") not in text]
    assert set(missing) <= {32}  # the longest training clip, which is no option


def leaves(spec: type[Spec], parent: str = "") -> set[str]:
    """The paths of all fields that have no fields of their own."""
    found: set[str] = set()
    for name, field in spec.model_fields.items():
        inner = field.annotation
        nested = isinstance(inner, type) and issubclass(inner, Spec)
        found |= leaves(inner, f"{parent}{name}.") if nested else {f"{parent}{name}"}
    return found


SIZE = {"width", "height"}  # both by --size
OWN = {f"generate.{name}" for name in ("controller", "shuffled", *SIZE)}  # an experiment varies
# Of the motion experiment: what it varies, and what an image-to-video base has no use for.
VARIED = ("fusion", "source", "source_column", "backwards")
RAGME = ("init", "start", "guidance", "weights", "token_every", "compat")
MOTION_OWN = {
    "controllers", "generate.engine", "generate.shuffled", "generate.negative",
    "generate.retrieve.own", "generate.width", "generate.height",
    *(f"generate.motion.{name}" for name in VARIED), *(f"generate.rag.{name}" for name in RAGME),
}  # fmt: skip
FRAMES = ("decoder", "every_nth", "fps", "keyframes", "adaptive", "max_frames", "max_damaged")
SAMPLING = {f"clip.{name}" for name in FRAMES}  # an evaluation scores every frame


@pytest.mark.parametrize(
    ("groups", "spec", "otherwise"),
    [
        ((EMBED,), EmbedSpec, set()),
        ((corpus.POOL,), PoolSpec, set()),
        ((corpus.INDEX,), IndexSpec, set()),
        ((answer.ANSWER,), AnswerSpec, set()),
        ((search.SEARCH,), RetrieveSpec, {"own"}),  # a column of prompts
        ((motion.FEATURES,), MotionFeaturesSpec, set()),
        ((motion.CAPTIONS,), CaptionSpec, set()),
        ((train.ADAPTER,), TrainAdapterSpec, {"clips.width", "clips.height", "same"}),  # no groups
        ((search.RETRIEVE,), RetrieveSpec, set()),
        ((generate.GENERATE,), GenerateSpec, SIZE),
        ((experiment.EXPERIMENT,), ExperimentSpec, OWN),
        ((experiment.MOTION,), ExperimentSpec, MOTION_OWN),
        ((train.TRAIN,), TrainSpec, {"lesson.width", "lesson.height"}),
        ((evaluate.MEASURE, evaluate.SWITCHES), EvaluateSpec, {"metrics", "weights"} | SAMPLING),
        ((benchmarks.CLIPS, benchmarks.FILE, benchmarks.SUBSETS), DistanceSpec, {"protocol"}),
    ],
)
def test_every_field_of_a_spec_can_be_set_from_the_command_line(groups, spec, otherwise) -> None:
    options = [each for group in groups for each in group.fields]
    named = {each.path for each in options} | {each.also for each in options}
    assert leaves(spec) - named == otherwise


def test_what_the_user_typed_is_in_the_spec() -> None:
    words = {
        "rag_compat": ["raw_tokens", "stretched"], "rag_weights": "best", "retrieve_mmr": 0.5,
        "vae_tiling": True, "retrieve_exclude": ["a", "b"],
    }  # fmt: skip
    unset = dict.fromkeys(each.parameter for each in generate.GENERATE.fields)
    spec = build_spec(GenerateSpec(), generate.GENERATE.collect(unset | words))
    assert spec.rag.compat == ("raw_tokens", "stretched") and spec.rag.weights == "best"
    assert (spec.retrieve.mmr, spec.retrieve.exclude) == (0.5, ("a", "b")) and spec.vae_tiling


def test_the_embed_spec_of_no_options_is_the_corpus_s() -> None:
    assert [each.path for each in EMBED.fields][:2] == ["engine", "model"]
    assert build_spec(EmbedSpec(), {"every_nth": None, "fps": 2.0}).fps == 2.0
