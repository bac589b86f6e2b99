"""The small release: its encoders learn from one script, its networks start from another."""

from pathlib import Path

import numpy as np
import pytest
import torch

from engines.generate.motionrag.encoders import IMAGE, VIDEO, ClipEncoders
from engines.generate.motionrag.release import load_release
from engines.tiny.i2v import base, encoders, start, training_set


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What both scripts leave, the encoders after two steps."""
    made = tmp_path_factory.mktemp("motionrag")
    threads = torch.get_num_threads()
    base.build_unet().save_pretrained(made / "base" / "unet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoders, "TESTED", 2)
        options = ["--folder", str(made / "release")]
        some = ["--steps", "2", "--checkpoint", str(made / "resume.pt")]
        patch.setattr("sys.argv", ["script", *options, *some])
        encoders.main()
        patch.setattr("sys.argv", ["script", *options, "--base", str(made / "base")])
        start.main()
    torch.set_num_threads(threads)
    return made / "release"


def test_encoders_give_tokens_of_clips_and_pictures_as_motionrag_shows_them(folder: Path) -> None:
    clip = training_set.draw_clip(training_set.draw_moving_scene(np.random.default_rng(0)))
    frames = clip.transpose(0, 3, 1, 2)
    made = ClipEncoders(folder / VIDEO, folder / IMAGE)
    assert made.encode_motion(frames).shape == (1, 64, encoders.WIDTH)
    assert made.encode_appearance(frames[0]).shape == (1, 17, encoders.WIDTH)


def test_the_release_fits_base_and_encoders(folder: Path) -> None:
    release = load_release(folder, base.build_unet())
    tokens = release.resampler(torch.randn(1, 64, encoders.WIDTH))
    assert tokens.shape == (1, start.QUERIES, start.DIM) and not release.remarks
    seen = release.context.condition_proj(torch.randn(10, 17, encoders.WIDTH))
    motions = tokens.expand(9, -1, -1)[None]
    predicted = release.context(motions, seen[None])
    assert predicted.shape == (1, 10, start.QUERIES, start.DIM)
    assert sum(file.stat().st_size for file in folder.rglob("*.safetensors")) < 4_000_000


def test_answers_are_judged_by_what_scenes_show() -> None:
    scenes = [training_set.draw_moving_scene(np.random.default_rng(n)) for n in range(6)]
    trainer = encoders.EncoderTrainer()
    ways = torch.tensor(np.stack([training_set.measure_way(scene) for scene in scenes]))
    looks = {
        name: torch.eye(len(words))[[words.index(getattr(s, name)) for s in scenes]]
        for name, words in encoders.LOOKS.items()
    }
    trainer.answer = lambda clips: (ways, looks)  # type: ignore[method-assign]
    assert set(trainer.measure(scenes).values()) == {1.0}
    assert ways.norm(dim=1).max() == pytest.approx(1)
    trainer.answer = lambda clips: (-ways, looks)  # type: ignore[method-assign]
    assert trainer.measure(scenes)["motion"] == 0
