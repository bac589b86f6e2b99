"""How refiners are trained: windows, corruption, losses, and what each training learns."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from support.paths import REPOSITORY, TESTS

from data.errors import UserError
from data.specs.train_refiner import ClipsSpec, CorruptSpec, TrainRefinerSpec
from engines.refine.networks import read_sizes
from engines.refine.training.loss import EPSILON, masked_mean, restoration_loss
from engines.refine.training.trainer import WEIGHTS, RefinerTrainer
from engines.refine.training.windows import StoredClips, corrupt_windows, measure_psnr
from engines.train.frame_store import open_frame_store
from engines.train.loop import RESUME

CLIPS = ClipsSpec(width=16, height=16, most=8)
SIZES = {
    "unet": {"dim": 8, "multipliers": (1, 2), "heads": 1, "head_width": 8},
    "vq": {"hidden": 8, "layers": 1, "width": 4, "codes": 8, "downsample": (2, 2, 2)},
    "fuse": {"hidden": 16, "blocks": 1, "heads": 2},
}


def spec(refiner: str = "unet", **fields) -> TrainRefinerSpec:
    given = {"clips": CLIPS, "window": 4, "batch": 1, "steps": 4, "evaluate_every": 2, "rate": 1e-3,
             "architecture": SIZES[refiner], "refiner": refiner}  # fmt: skip
    return TrainRefinerSpec(**(given | fields))


def stored(folder: Path, wanted: TrainRefinerSpec) -> StoredClips:
    """Six videos of one colour each; the last two are held out, and the first is too short."""
    frames = open_frame_store(folder, "frames", 6, 8, (3 * 16 * 16,))
    for row in range(6):
        count = 2 if row == 0 else 8
        frames.put(row, np.repeat(np.float32([[row * 40]]), count, 0).repeat(768, 1))
    frames.commit_frames()
    return StoredClips(frames, np.arange(6) > 3, wanted)


class Stripes:
    """Moving stripes of random pitch, which no two draws repeat."""

    def draw(self, rng: np.random.Generator, count: int, held_out: bool) -> np.ndarray:
        pitch, phase = rng.uniform(4, 9, (count, 1, 1)), rng.uniform(0, 9, (count, 1, 1))
        at = np.arange(16) + 2 * np.arange(4)[:, None]
        lines = 0.5 + 0.3 * np.sin(2 * np.pi * (at + phase) / pitch)
        return np.broadcast_to(lines[:, :, None, :, None], (count, 4, 16, 16, 3)).astype(np.float32)


def test_windows_are_of_videos_that_are_long_enough_and_of_their_side(tmp_path: Path) -> None:
    clips = stored(tmp_path, spec(crop=8))
    for side, rows in ((False, {1, 2, 3}), (True, {4, 5})):
        drawn = clips.draw(np.random.default_rng(0), 24, held_out=side)
        assert drawn.shape == (24, 4, 8, 8, 3) and drawn.dtype == np.float32
        assert {round(float(each.mean()) * 255 / 40) for each in drawn} == rows
    with pytest.raises(UserError, match=r"to train on.*--window"):
        StoredClips(clips.frames, np.ones(6, bool), spec())


def test_grain_is_everywhere_and_masks_are_where_holes_are() -> None:
    clean, rng = np.full((16, 4, 32, 32, 3), 0.5, np.float32), np.random.default_rng(1)
    corrupted = CorruptSpec(grain_least=0.02, grain_most=0.02, masks=("matrix_mask",), masked=0.5)
    examples = corrupt_windows(rng, clean, corrupted)
    assert np.abs(examples.corrupted - clean)[~examples.holes].max() <= 0.03 + 1e-6
    masked = [hole.any() and not hole.all() for hole in examples.holes]
    assert 4 <= sum(masked) <= 12
    for hole, clip, inside in zip(examples.holes, examples.corrupted, masked, strict=True):
        assert not inside or (clip[hole] == 0).all()
    again = corrupt_windows(np.random.default_rng(1), clean, corrupted)
    assert np.array_equal(again.corrupted, examples.corrupted)


def test_the_loss_counts_small_holes_as_much_as_large_ones() -> None:
    clean = torch.zeros(1, 3, 2, 4, 4)
    holes = torch.zeros(1, 1, 2, 4, 4)
    holes[..., :1, :1] = 1
    wrong = clean + 0.5 * holes
    assert masked_mean((wrong - clean).abs(), holes) == pytest.approx(0.5)
    assert masked_mean((wrong - clean).abs(), 1 - holes) == 0
    assert masked_mean((wrong - clean).abs(), torch.zeros_like(holes)) == 0
    # Frames alike in error do not change: of Charbonnier's loss epsilon is left.
    share = 1 / 16
    expected = share * 0.5 + 0.5 * EPSILON + 0.5
    assert restoration_loss(wrong, clean, holes) == pytest.approx(expected, abs=2 * EPSILON)


@pytest.mark.parametrize("refiner", list(SIZES))
def test_a_refiner_is_trained_and_saved(tmp_path: Path, refiner: str) -> None:
    trainer = RefinerTrainer(spec(refiner), Stripes())
    trainer.train(tmp_path, lambda *_: None)
    found, _ = read_sizes(str(tmp_path / WEIGHTS)) or ("", {})
    assert found == refiner and len(trainer.early_stop.scores) == 2
    fresh = RefinerTrainer(spec(refiner), Stripes()).objective.network.state_dict()
    trained = trainer.objective.network.state_dict()
    assert any(not torch.equal(value, fresh[name]) for name, value in trained.items())


def test_a_discriminator_is_trained_beside_and_not_saved(tmp_path: Path) -> None:
    wanted = spec("fuse", adversarial=0.01, steps=2, corrupt=CorruptSpec(masked=1.0))
    trainer = RefinerTrainer(wanted, Stripes())
    before = {k: v.clone() for k, v in trainer.objective.discriminator.state_dict().items()}
    trainer.objective.loss(*trainer._to_tensors(trainer.draw(np.random.default_rng(0), False)))
    assert all(p.requires_grad for p in trainer.objective.discriminator.parameters())
    trainer.train(tmp_path, lambda *_: None)
    after = trainer.objective.discriminator.state_dict()
    assert any(not torch.equal(value, before[name]) for name, value in after.items())
    from safetensors import safe_open

    with safe_open(tmp_path / WEIGHTS, "np") as file:
        assert not any("discriminator" in name for name in file.keys())  # noqa: SIM118


def test_training_starts_from_other_weights(tmp_path: Path) -> None:
    RefinerTrainer(spec(), Stripes()).train(tmp_path / "first", lambda *_: None)
    wanted = spec(start=str(tmp_path / "first"), stored="fp32")
    given = RefinerTrainer(wanted, Stripes()).objective.network
    first = RefinerTrainer(spec(), Stripes())
    assert not torch.equal(given.init_conv.weight, first.objective.network.init_conv.weight)
    assert all(parameter.requires_grad for parameter in given.parameters())
    with pytest.raises(UserError, match="not the weights of"):
        RefinerTrainer(spec(start=str(tmp_path / "first"), architecture={"dim": 16}), Stripes())


def test_psnr_is_of_clipped_pixels() -> None:
    clean = np.zeros((2, 1, 2, 2, 3), np.float32)
    restored = np.stack([clean[0] - 5, clean[1] + 0.1])
    assert measure_psnr(restored, clean) == pytest.approx([100, 20], abs=1e-4)


KILLED = """
import os, signal, sys; sys.path[:0] = sys.argv[2:]
import torch
import test_trainer as t
torch.set_num_threads(1)  # as every test
calls, loss = iter(range(9)), t.RefinerTrainer.loss
def dying(trainer, rng):
    if next(calls) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return loss(trainer, rng)
t.RefinerTrainer.loss = dying
t.RefinerTrainer(t.spec("vq", batch=2), t.Stripes()).train(t.Path(sys.argv[1]), lambda *_: None)
"""


def test_a_killed_training_ends_with_the_same_bytes(tmp_path: Path) -> None:
    paths = [str(Path(__file__).parent), str(TESTS), str(REPOSITORY)]
    command = [sys.executable, "-c", KILLED, str(tmp_path / "parts"), *paths]
    killed = subprocess.run(command, env=os.environ, timeout=100, check=False)
    assert killed.returncode == -signal.SIGKILL and (tmp_path / "parts" / RESUME).exists()
    for name in ("parts", "whole"):
        trainer = RefinerTrainer(spec("vq", batch=2), Stripes())
        trainer.train(tmp_path / name, lambda *_: None)
    parts, whole = ((tmp_path / name / WEIGHTS).read_bytes() for name in ("parts", "whole"))
    assert parts == whole


@pytest.mark.parametrize(
    ("fields", "said"),
    [({"window": 9}, "clips.most"), ({"crop": 32}, "crop"), ({"adversarial": 0.1}, "discriminator"),
     ({"corrupt": {"grain_least": 0.2, "grain_most": 0.1}}, "grain_most"),
     ({"corrupt": {"masks": ()}}, "masks")],
)  # fmt: skip
def test_what_does_not_go_together_is_refused(fields: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        spec(**fields)


def test_a_size_that_a_network_does_not_have_is_named() -> None:
    with pytest.raises(UserError, match=r"no size depth.*dim"):
        RefinerTrainer(spec(architecture={"depth": 3}), Stripes())
