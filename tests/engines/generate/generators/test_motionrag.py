"""The generator motionrag, on tiny image-to-video pipelines with random weights."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support import motionrag, tiny_pipelines, tiny_transformers, zeroscope

from data.errors import UserError
from data.records import Source
from data.specs.motion import MotionSpec
from data.specs.pipeline import GenerateSpec
from engines.generate.generators import diffusers
from engines.generate.generators.motionrag import Generator, digests
from engines.generate.motionrag.motion_sites import find_base
from engines.generate.protocol import Clip, Speed

BASES = {
    "svd": (tiny_pipelines.svd, {"frames": 4, "guidance": GenerateSpec().guidance}),
    "cogvideox": (tiny_transformers.cogvideox_image, {"frames": 9}),
}


@pytest.fixture(scope="module", params=BASES)
def asked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> GenerateSpec:
    make, options = BASES[request.param]
    pipe, folder = make(), tmp_path_factory.mktemp(request.param)
    pipe.save_pretrained(folder / "base")
    motionrag.write_release(folder / "motion", find_base(pipe))
    options = {"engine": "motionrag", "steps": 2, "controller": str(folder / "motion")} | options
    return zeroscope.spec(folder / "base", **options)


def clips(asked: GenerateSpec, *seeds: int) -> list[Clip]:
    shape = (asked.frames, 3, asked.height, asked.width)
    return [
        Clip(Source(rank, f"v{seed}", f"c{seed}", 0.5, ""), 0.0, f"k{seed}",
             np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8))
        for rank, seed in enumerate(seeds, 1)
    ]  # fmt: skip


def loaded(asked: GenerateSpec, kind=Generator, **motion):
    made = kind(asked.model_copy(update={"motion": MotionSpec(**motion)}))
    made.load(Speed())
    return made


def test_clips_move_the_video_and_their_order_counts(asked: GenerateSpec, tmp_path: Path) -> None:
    made = loaded(asked)
    request = replace(zeroscope.request(0), image=_picture(tmp_path))
    with_none, one, three, swapped = (
        made.generate([request], [clips(asked, *seeds)])[0]
        for seeds in ((), (0,), (0, 1, 2), (0, 2, 1))
    )
    assert not np.array_equal(one, with_none) and not np.array_equal(three, one)
    assert not np.array_equal(three, swapped)
    assert np.array_equal(made.generate([request], [clips(asked, 0)])[0], one), "again the same"
    base = loaded(asked, diffusers.Generator).generate([request], [[]])[0]
    assert np.array_equal(with_none, base), "without clips it is the base, to the bit"
    still = loaded(asked, scale=0.0).generate([request], [clips(asked, 0)])[0]
    assert np.array_equal(still, base)


def test_best_and_mean_are_other_ways_to_use_clips(asked: GenerateSpec, tmp_path: Path) -> None:
    request = replace(zeroscope.request(0), image=_picture(tmp_path))
    best = loaded(asked, fusion="best")
    two = best.generate([request], [clips(asked, 0, 1)])[0]
    assert np.array_equal(two, best.generate([request], [clips(asked, 0)])[0])
    assert best.attribute(request, clips(asked, 0, 1)).weights == (1.0, None)
    mean = loaded(asked, fusion="mean")
    assert not np.array_equal(mean.generate([request], [clips(asked, 0, 1)])[0], two)
    found = mean.attribute(request, clips(asked, 0, 1))
    assert found.weights == (0.5, 0.5) and found.image == request.image


def test_scores_weigh_and_published_faults_can_be_had(asked: GenerateSpec, tmp_path: Path) -> None:
    request = replace(zeroscope.request(0), image=_picture(tmp_path))
    two = clips(asked, 0, 1)
    two[1] = replace(two[1], source=replace(two[1].source, score=0.25))
    scored = loaded(asked, fusion="score")
    assert scored.attribute(request, two).weights == pytest.approx((2 / 3, 1 / 3))
    mean = loaded(asked, fusion="mean").generate([request], [two])[0]
    assert not np.array_equal(scored.generate([request], [two])[0], mean)
    plain = loaded(asked).generate([request], [two])[0]
    for fault in ("washed_out", "grey_slots"):
        faulty = loaded(asked, compat=(fault,)).generate([request], [two])[0]
        assert not np.array_equal(faulty, plain), fault


def test_more_clips_than_the_context_has_places_for_are_refused(
    asked: GenerateSpec, tmp_path: Path
) -> None:
    request = replace(zeroscope.request(0), image=_picture(tmp_path))
    with pytest.raises(UserError, match="-k 50"):
        loaded(asked).generate([request], [clips(asked, *range(51))])


def test_digests_are_those_of_base_release_and_encoders(asked: GenerateSpec) -> None:
    found = digests(asked)
    assert set(found) == {"model", "controller", "video_encoder", "image_encoder"}
    assert len(set(found.values())) == 4
    elsewhere = asked.model_copy(update={"motion": MotionSpec(image_encoder="/nowhere")})
    with pytest.raises(UserError, match="/nowhere"):
        digests(elsewhere)
    with pytest.raises(UserError, match="--motion"):
        digests(asked.model_copy(update={"controller": None}))


def test_a_base_of_another_kind_is_refused(asked: GenerateSpec, tmp_path: Path) -> None:
    tiny_pipelines.ltx().save_pretrained(tmp_path)
    other = asked.model_copy(update={"base": str(tmp_path)})
    with pytest.raises(UserError, match="LTXImageToVideoPipeline"):
        loaded(other)


def _picture(folder: Path) -> str:
    from PIL import Image

    file = folder / "picture.png"
    Image.fromarray(np.random.default_rng(9).integers(0, 256, (32, 32, 3), np.uint8)).save(file)
    return str(file)
