"""The bundled text-to-video model and its controllers, as they are committed."""

from pathlib import Path

import numpy as np
import pytest

import engines.tiny
from data.records import Request, Source
from data.specs.models import SHAPES
from data.specs.pipeline import EmbedSpec, GenerateSpec
from engines.base import load_plugin
from engines.generate.engine import GenerateSetup, VideoGenerator
from engines.generate.protocol import Speed
from engines.tiny.corpus import build_row, clip_name, write_clips
from engines.tiny.judge import judge_clip
from engines.tiny.t2v.training_set import BACKGROUNDS, UNNAMED_MOTIONS
from engines.video.frames import Resize, Sampling
from tasks.generate.spec import build_generate_spec

BUDGET = 40_000_000  # bytes of all that is bundled
CONTROLLERS = ("reelflow-tiny-ragme", "reelflow-tiny-ragme-ordered")
REFINERS = ("unet", "vq")


def test_all_bundled_weights_together_stay_small() -> None:
    folder = Path(engines.tiny.__file__).parent
    weights = list(folder.rglob("*.safetensors"))
    assert len(weights) == 1 + 3 + len(CONTROLLERS) + len(REFINERS)
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
    engine = VideoGenerator(
        spec, EmbedSpec(model=SHAPES, precision="fp32"), GenerateSetup(speed=Speed(threads=1))
    )
    engine.load()
    try:
        made = {outcome.id: outcome.value for outcome in engine.run([r for r, _ in asked])}
    finally:
        engine.close()
    return sum(judge_clip(_frames(made[r.id].video), said)["motion"][0] for r, said in asked)


def _frames(video: bytes) -> np.ndarray:
    import tempfile

    with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
        file.write(video)
        file.flush()
        found = load_plugin("video.decoders", "pyav").decode_frames(
            file.name, Sampling(every_nth=1), Resize(64)
        )
        return np.concatenate([some.pixels for some in found]).transpose(0, 2, 3, 1)
