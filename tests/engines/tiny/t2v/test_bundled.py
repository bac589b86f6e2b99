"""The bundled text-to-video model and its controllers, as they are committed."""

from pathlib import Path

import pytest
from support.bundled import generate_clips

import engines.tiny
from data.records import Request, Source
from data.specs.pipeline import GenerateSpec
from engines.bundled import IMAGE_TO_VIDEO, TEXT_TO_VIDEO
from engines.tiny.corpus import build_row, clip_name, write_clips
from engines.tiny.judge import judge_clip
from engines.tiny.t2v.training_set import BACKGROUNDS, UNNAMED_MOTIONS
from tasks.generate.spec import build_generate_spec

BUDGET = 40_000_000  # bytes of all that is bundled
CONTROLLERS = ("reelflow-tiny-ragme", "reelflow-tiny-ragme-ordered")
REFINERS = ("unet", "vq")
PIPELINES = (TEXT_TO_VIDEO, IMAGE_TO_VIDEO)  # a network each for latents, denoising, the prompt
RELEASE = ("motion_proj", "motion_transformer", "Motion-Adapter", "video_encoder", "image_encoder")


def test_all_bundled_weights_together_stay_small() -> None:
    folder = Path(engines.tiny.__file__).parent
    weights = list(folder.rglob("*.safetensors"))
    assert len(weights) == 1 + len(PIPELINES) * 3 + len(RELEASE) + len(CONTROLLERS) + len(REFINERS)
    assert sum(file.stat().st_size for file in weights) < BUDGET


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Request, dict]]:
    """Six requests for motions that the base has no words for, each with a clip that shows it."""
    folder = tmp_path_factory.mktemp("bank")
    (folder / "videos").mkdir()
    shown = [(n, build_row(7, n)) for n in range(200)]
    fit = [(n, r) for n, r in shown if r["background"] in BACKGROUNDS and r["speed"] == "fast"]
    chosen = [(n, r) for motion in UNNAMED_MOTIONS for n, r in fit if r["motion"] == motion][:20:3][
        :6
    ]
    write_clips(folder, 7, [n for n, _ in chosen])
    return [(_request(folder, n, r), r) for n, r in chosen]


def _request(folder: Path, n: int, r: dict) -> Request:
    uri = str(folder / "videos" / f"{clip_name(7, n)}.mp4")
    text = f"a {r['colour']} {r['shape']} on a {r['background']} background"
    source = Source(1, clip_name(7, n), f"content-{n}", 0.9, uri, duration=2.0)
    return Request(str(n), str(n), text, 0, n, (source,))


@pytest.fixture(scope="module")
def alone(asked: list[tuple[Request, dict]]) -> float:
    """How many videos move as is asked for where none has a clip to follow."""
    bare = [(Request(r.id, r.id, r.prompt, 0, r.seed), said) for r, said in asked]
    return _motions(build_generate_spec(precision="fp32"), bare)


@pytest.mark.slow
@pytest.mark.parametrize("controller", CONTROLLERS)
def test_videos_move_as_the_clips_do_that_they_follow(
    controller: str, asked: list, alone: float
) -> None:
    following = _motions(build_generate_spec(controller=controller, precision="fp32"), asked)
    assert following >= 4
    assert following - alone >= 2


def _motions(spec: GenerateSpec, asked: list[tuple[Request, dict]]) -> float:
    """How many of the videos move as is asked for."""
    clips = generate_clips(spec, [request for request, _ in asked])
    rows = [said for _, said in asked]
    return sum(judge_clip(clip, said)["motion"][0] for clip, said in zip(clips, rows, strict=True))
