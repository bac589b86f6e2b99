"""MotionRAG's two trainings: a released folder goes in, generates, comes out again and loads."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from support import golden, motionrag, tiny_pipelines, tiny_transformers, zeroscope

import flows.train_motion
import tasks.train.motion
from data.errors import UserError
from data.records import Source
from data.shards.stages import MOTION_FEATURES, current_stage
from data.specs.encode import CaptionSpec
from data.specs.motion import MotionFeaturesSpec
from data.specs.pipeline import GenerateSpec
from data.specs.retrieve import RetrieveSpec
from data.specs.train_motion import TrainAdapterSpec, TrainContextSpec
from data.workspace import Workspace
from engines.generate.motionrag.motion_sites import find_base
from engines.generate.motionrag.release import load_release
from engines.generate.motionrag.window import suit_features
from engines.generate.protocol import Clip, Speed
from engines.train import motion_losses
from engines.train.motion_bases import CogBase
from engines.train.motion_context import ContextExamples, ContextTrainer
from flows.caption_vectors import caption_vectors
from flows.ingest import ingest
from flows.motion_features import motion_features
from flows.train_motion import train_motion_adapter, train_motion_context
from tasks.generate.withdrawal import mark_withdrawn
from tasks.motion.stage import locate_features
from tasks.train.motion_examples import find_examples
from tasks.withdrawn import read_withdrawn

pytestmark = pytest.mark.usefixtures("plain_flows")
CLIPS = {"width": 32, "height": 32, "fps": 8.0, "most": 6}


@pytest.fixture(scope="module")
def workspace(shared_workspace: Workspace) -> Workspace:
    return shared_workspace


@pytest.fixture(scope="module")
def folder(tmp_path_factory, workspace, plain_flows) -> Path:
    """A base, its release, and a corpus "c" of four captioned clips with features."""
    folder, pipe = tmp_path_factory.mktemp("train"), tiny_pipelines.svd()
    pipe.save_pretrained(folder / "base")
    motionrag.write_release(folder / "release", find_base(pipe))
    for n in range(4):
        golden.clip(folder / "clips" / f"{n}.mp4", frames=30, draw=_shade(n))
        (folder / "clips" / f"{n}.txt").write_text(f"scene {n} moves")
    ingest(str(folder / "clips"), "c")
    caption_vectors("c", CaptionSpec())
    release = str(folder / "release")
    motion_features("c", MotionFeaturesSpec(controller=release, frames=4, patches=True))
    return folder


def adapter(folder: Path, **fields) -> TrainAdapterSpec:
    return TrainAdapterSpec.model_validate({
        "base": str(folder / "base"), "controller": str(folder / "release"), "clips": CLIPS,
        "frames": 4, "batch": 1, "steps": 2, "precision": "fp32", "rate": 1e-3,
    } | fields)  # fmt: skip


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return {
        f"{file.stem}/{name}": value
        for file in sorted(folder.glob("*.safetensors"))
        for name, value in load_file(file).items()
    }


def test_adapters_train_resume_exactly_and_come_out_as_a_release(folder, tmp_path) -> None:
    made = train_motion_adapter("c", str(tmp_path / "a"), adapter(folder))
    assert made["trained_on"] == 4
    before, after = weights(folder / "release"), weights(tmp_path / "a")
    assert before.keys() == after.keys(), "the released layout"
    changed = {name.split("/")[0] for name in after if not after[name].equal(before[name])}
    assert changed == {"motion_proj", "Motion-Adapter"}, "the context is not its matter"
    base = find_base(tiny_pipelines.svd())
    load_release(tmp_path / "a", base)
    train_motion_adapter("c", str(tmp_path / "b"), adapter(folder, steps=1))
    train_motion_adapter("c", str(tmp_path / "b"), adapter(folder))
    resumed = weights(tmp_path / "b")
    assert all(resumed[name].equal(after[name]) for name in after)
    with pytest.raises(UserError, match="rate"):
        train_motion_adapter("c", str(tmp_path / "b"), adapter(folder, rate=1e-2))
    # More steps of another start would go on from weights that have nothing to do with it.
    other = adapter(folder, steps=3, controller=str(tmp_path / "a"))
    with pytest.raises(UserError, match="start"):
        train_motion_adapter("c", str(tmp_path / "b"), other)
    moves(folder, tmp_path / "a")


def moves(folder: Path, release: Path) -> None:
    """A trained release conditions the base, otherwise than the one it began as."""
    from engines.generate.generators.motionrag import Generator

    clips = [
        Clip(Source(1, "v", "c", 0.5, ""), 0.0, "k",
             np.random.default_rng(0).integers(0, 256, (4, 3, 32, 32), dtype=np.uint8))
    ]  # fmt: skip
    videos = []
    for each in (release, folder / "release"):
        options = {"frames": 4, "guidance": GenerateSpec().guidance, "controller": str(each)}
        spec = zeroscope.spec(folder / "base", engine="motionrag", steps=1, **options)
        made = Generator(spec)
        made.load(Speed())
        videos += list(made.generate([zeroscope.request(0)], [clips]))
    assert videos[0].shape == (4, 32, 32, 3) and not np.array_equal(*videos)


def test_a_training_is_known_by_what_it_learns_from_wherever_that_lies(
    folder, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks.train.motion, "_train", lambda place, out, record, *_: record)
    monkeypatch.setattr(flows.train_motion, "publish_summary", lambda *_: None)

    def known(release: Path) -> str:
        spec = adapter(folder, controller=str(release))
        return train_motion_adapter("c", str(tmp_path / "out"), spec)["fingerprint"]

    moved = tmp_path / "moved"
    shutil.copytree(folder / "release", moved)
    before = known(folder / "release")
    assert known(moved) == before, "by content"
    file = moved / "video_encoder" / "config.json"
    file.write_text(file.read_text() + " ")
    assert known(moved) != before, "the encoder decides what the resampler learns"


def test_the_context_trains_from_stored_features_with_its_start(folder, tmp_path) -> None:
    spec = TrainContextSpec(
        controller=str(folder / "release"), steps=2, batch=2, precision="bf16", rate=1e-3,
        retrieve=RetrieveSpec(k=2, by="caption", ceiling=1.01, dedup=1.01),
    )  # fmt: skip
    made = train_motion_context("c", str(tmp_path / "t"), spec)
    assert made["trained_on"] == 4
    before, after = weights(folder / "release"), weights(tmp_path / "t")
    assert before.keys() == after.keys()
    changed = {name for name in after if not after[name].equal(before[name])}
    assert {name.split("/")[0] for name in changed} == {"motion_transformer"}
    assert "motion_transformer/sos_token" in changed
    assert any("condition_proj" in name for name in changed)
    assert all(after[name].dtype == torch.float32 for name in changed), "fp32 masters"
    assert (tmp_path / "t" / "video_encoder" / "config.json").is_file()
    load_release(tmp_path / "t", find_base(tiny_pipelines.svd()))


def test_the_contexts_loss_is_the_mean_over_slots(folder) -> None:
    rng = np.random.default_rng(0)
    q, d = motionrag.QUERIES, motionrag.DIM
    from data.store.motion_features import ClipFeatures

    clips = [
        ClipFeatures(0.0, *(rng.standard_normal((n, d)).astype(np.float16) for n in (q, q)),
                     rng.standard_normal((6, motionrag.SEEN)).astype(np.float16))
        for _ in range(3)
    ]  # fmt: skip
    examples = ContextExamples(list("abc"), [[], [], [1, 0]], lambda name: clips["abc".index(name)])
    spec = TrainContextSpec(controller=str(folder / "release"), batch=1, retrieve=RetrieveSpec(k=2))
    trainer = ContextTrainer(spec, examples)
    found = float(trainer.loss(np.random.default_rng(1)).detach())
    state = load_file(folder / "release" / "motion_transformer.safetensors")
    own = {name.removeprefix("condition_proj."): v for name, v in state.items()}
    slots = [clips[n] for n in (0, 1, 2)]  # the least similar first, then the target
    seen = np.stack([motionrag.resample(c.patches.astype(float), own, 1, 2) for c in slots])
    motions = np.stack([c.motion.astype(float) for c in slots])
    expected = motionrag.predict(motions[:-1], seen, state, 1, 2)
    assert found == pytest.approx(((expected - motions) ** 2).mean(), rel=1e-4)


def test_losses_are_those_of_float64_transcriptions() -> None:
    torch.manual_seed(1)
    clean, noise, output = (torch.randn(3, 2, 4, 5, 5) for _ in range(3))
    sigma = motion_losses.draw_sigmas(3)
    s = sigma.double().numpy()[:, None, None, None, None]
    x0, f = clean.double().numpy(), output.double().numpy()
    noisy = clean + sigma.view(-1, 1, 1, 1, 1) * noise
    x = noisy.double().numpy()
    given, steps = motion_losses.scale_noisy(noisy, sigma)
    np.testing.assert_allclose(given.numpy(), x / np.sqrt(s**2 + 1), rtol=1e-5)
    np.testing.assert_allclose(steps.numpy(), np.log(s.ravel()) / 4, rtol=1e-5)
    denoised = x / (s**2 + 1) - s / np.sqrt(s**2 + 1) * f
    expected = np.mean((1 + s**2) / s**2 * (denoised - x0) ** 2)
    found = motion_losses.compute_edm_loss(output, noisy, clean, sigma)
    assert float(found) == pytest.approx(expected, rel=1e-5)
    alpha = torch.tensor([0.9, 0.5, 0.01])
    a = alpha.double().numpy()[:, None, None, None, None]
    expected = np.mean((np.sqrt(a) * x - np.sqrt(1 - a) * f - x0) ** 2 / (1 - a))
    found = motion_losses.compute_velocity_loss(output, noisy, clean, alpha)
    assert float(found) == pytest.approx(expected, rel=1e-5)
    levels = motion_losses.draw_sigmas(20_000).log()
    assert (float(levels.mean()), float(levels.std())) == pytest.approx((0.7, 1.6), abs=0.05)


def test_a_perfect_prediction_of_cogvideox_costs_nothing(monkeypatch) -> None:
    """The network's v is that of the scheduler's own noise: its loss is then zero."""
    pipe = tiny_transformers.cogvideox_image()
    base, seen = CogBase(pipe), {}
    add = pipe.scheduler.add_noise

    def remember(clean, noise, steps):
        seen.update(velocity=pipe.scheduler.get_velocity(noise, clean, steps))
        seen.update(clean=clean, noise=noise, steps=steps)
        return add(clean, noise, steps)

    monkeypatch.setattr(pipe.scheduler, "add_noise", remember)
    shape = 1, 9, 3, 32, 32
    clips = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    real = float(base.compute_loss(clips, ["a ball"]).detach())
    assert real > 0.01

    class Right(torch.nn.Module):
        config, device = pipe.transformer.config, torch.device("cpu")

        def forward(self, *_, **__):
            from types import SimpleNamespace

            a = pipe.scheduler.alphas_cumprod[seen["steps"]].view(-1, 1, 1, 1, 1)
            velocity = a.sqrt() * seen["noise"] - (1 - a).sqrt() * seen["clean"]
            return SimpleNamespace(sample=velocity)

    pipe.transformer = Right()
    assert float(base.compute_loss(clips, [""])) == pytest.approx(0, abs=1e-6)


def test_withdrawn_and_changed_clips_are_neither_learned_nor_learned_from(
    workspace, folder
) -> None:
    spec = TrainContextSpec(
        controller=str(folder / "release"),
        retrieve=RetrieveSpec(k=3, by="caption", ceiling=1.01, dedup=1.01),
    )
    stage = current_stage(workspace.store, "c", MOTION_FEATURES)
    examples = find_examples(workspace, stage, spec)
    assert [len(each) for each in examples.references] == [3] * 4
    mark_withdrawn(workspace, "c", "3", "rights")
    golden.clip(folder / "clips" / "2.mp4", frames=20, draw=_shade(9))
    ingest(str(folder / "clips"), "c")
    examples = find_examples(workspace, stage, spec)
    assert len(examples.contents) == 2 and list(examples.references) == [[1], [0]]
    withdrawn = read_withdrawn(workspace, "c")
    assert not withdrawn & set(examples.contents)
    assert locate_features(workspace, stage, list(withdrawn)).shards == {}


def _shade(n: int):
    def draw(number: int, size: tuple[int, int]) -> np.ndarray:
        return golden.picture(number * (n + 1), size) // (n + 1)

    return draw


def test_features_by_another_release_are_refused(folder, tmp_path) -> None:
    other = tmp_path / "other"
    shutil.copytree(folder / "release", other)
    file = other / "motion_proj.safetensors"
    save_file({name: value + 1 for name, value in load_file(file).items()}, file)
    with pytest.raises(UserError, match=r"another release.*motion-features c.*--patches"):
        train_motion_context("c", str(tmp_path / "out"), TrainContextSpec(controller=str(other)))
    assert not (tmp_path / "out").exists()


def test_a_release_has_the_encoder_and_the_window_that_it_was_trained_with(
    folder, tmp_path
) -> None:
    encoder = tmp_path / "encoder"
    shutil.copytree(folder / "release" / "video_encoder", encoder)
    file = encoder / "config.json"
    file.write_text(file.read_text() + " ")
    made = tmp_path / "made"
    train_motion_adapter("c", str(made), adapter(folder, steps=1, video_encoder=str(encoder)))
    assert (made / "video_encoder" / "config.json").read_text() == file.read_text()
    found = suit_features(str(made))
    assert (found.frames, found.fps, found.side) == (4, 8.0, 32)
    assert suit_features(str(made), fps=5.0).fps == 5.0
    assert suit_features(str(folder / "release")) == MotionFeaturesSpec(
        controller=str(folder / "release")
    )
    (made / "window.json").write_text("{}")
    with pytest.raises(UserError, match=r"window.json is no window"):
        suit_features(str(made))
