import pytest
from pydantic import ValidationError

from data.specs.pipeline import GenerateSpec, RagSpec
from tasks.generate.spec import BUNDLED, build_generate_spec


def test_the_bundled_model_has_defaults_of_its_own() -> None:
    spec = build_generate_spec(steps=3, rag={"init": 0.5}, retrieve={"k": 2})
    assert (spec.width, spec.height, spec.fps) == (BUNDLED["width"], BUNDLED["height"], 4)
    assert (spec.steps, spec.rag.init, spec.rag.token_every, spec.retrieve.k) == (3, 0.5, 1, 2)


@pytest.mark.parametrize("asked", [{"base": "/zeroscope"}, {"engine": "diffusers"}])
def test_any_other_model_has_those_of_the_published_one(asked: dict) -> None:
    assert build_generate_spec(**asked) == GenerateSpec(**asked)
    assert build_generate_spec(**asked).rag == RagSpec()


def test_an_option_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValidationError):
        build_generate_spec(colour="red")
