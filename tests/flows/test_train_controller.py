"""A corpus and a frozen base become a controller: by neighbours, without touching the base."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from support import zeroscope
from support.corpora import FAKE, table

import tasks.embed.canary
import tasks.train.prepare
from data.errors import UserError
from data.records import Video
from data.settings import Settings
from data.specs.pipeline import GenerateSpec
from data.specs.train import LessonSpec, TrainSpec
from data.workspace import Workspace, open_workspace
from engines.embed.engine import EmbedSetup
from engines.generate.ragme import checkpoint
from engines.generate.ragme.folders import controller_folder
from engines.generate.ragme.injection_sites import list_sites
from engines.runners.in_process import InProcessRunner
from engines.train import controller, neighbours
from engines.train import features as footage_of
from engines.train.controller import ControllerTrainer
from engines.train.dataset import Examples, TrainingSet
from engines.train.frame_store import open_frame_store
from flows.ingest import ingest
from flows.pipeline import pipeline
from flows.train_controller import train_controller
from tasks.retrieve.retriever import Retriever
from tasks.train.controller import build_train_spec
from tasks.train.neighbours import find_neighbours
from tasks.train.prepare import open_training_set, prepare_training_set

pytestmark = pytest.mark.usefixtures("plain_flows")

COLOURS, MOTIONS = "abcdefgh", ("left", "it's up", None)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random text-to-video model as diffusers stores it."""
    folder = tmp_path_factory.mktemp("base")
    zeroscope.pipeline().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory, plain_flows: None) -> Iterator[Workspace]:
    """24 videos of 8 frames a second in 3 motions; `copy` is one of them once more."""
    folder = tmp_path_factory.mktemp("corpus")
    rows = [
        {"videoID": f"{name}-{m}", "videoLoc": f"fake://{name}{m}?frames=12&fps=8",
         "txt": f"a {name} ball", "motion": motion}
        for name in COLOURS
        for m, motion in enumerate(MOTIONS)
    ]  # fmt: skip
    rows.append({"videoID": "copy", "videoLoc": "fake://a0?frames=12&fps=8&again=1", "txt": "",
                 "motion": "left"})  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REELFLOW_ROOT", str(folder / "store"))
        patch.setenv("REELFLOW_RUNNER", "in_process")
        patch.setenv("REELFLOW_DECODERS", "1")
        patch.setattr(
            tasks.embed.canary, "_write_clips", lambda store: [Video("canary", "fake://canary", "")]
        )
        pipeline("c", table(folder / "rows", rows), embed_spec=FAKE)
        yield open_workspace(Settings())


def spec(base: Path, **options) -> TrainSpec:
    """Some steps that take a moment."""
    lesson = {"width": 32, "height": 32, "fps": 8, "most": 10, "k": 3, "dedup": 1.01}
    small = {"base": str(base), "frames": 4, "token_every": 2, "steps": 6, "batch": 4, "rate": 1e-2,
             "precision": "fp32", "stored": "fp32"}  # fmt: skip
    asked = small | options
    asked["lesson"] = lesson | options.get("lesson", {})
    asked["architecture"] = {"layers": 1, "norm": "layer"} | options.get("architecture", {})
    return build_train_spec("ragme", asked)


def found(workspace: Workspace, asked: TrainSpec, folder: str = "n") -> dict[str, list[str]]:
    """The neighbours of every video, by ids."""
    videos = find_neighbours(Retriever(workspace, "c"), asked.lesson, folder)
    rows = neighbours.read_neighbours(workspace.store, folder, len(videos), asked.lesson.k)
    ids = videos["id"].to_pylist()
    return {ids[i]: [ids[n] for n in row if n >= 0] for i, row in enumerate(rows)}


def test_a_video_is_no_neighbour_of_itself_or_of_its_copies(corpus: Workspace, base: Path) -> None:
    near = found(corpus, spec(base))
    assert len(near) == 25 and all(near.values())
    assert all(id not in those for id, those in near.items())
    assert "copy" not in near["a-0"] and "a-0" not in near["copy"]


def test_neighbours_share_the_columns_that_are_named(corpus: Workspace, base: Path) -> None:
    """Values with quotes in them, and none at all, are values like others."""
    anyhow = found(corpus, spec(base))
    kin = found(corpus, spec(base, lesson={"same": "motion"}), "kin")
    assert any(other[-1] != id[-1] for id, those in anyhow.items() for other in those)
    assert all(
        other[-1] == id[-1] for id, those in kin.items() if id != "copy" for other in those
        if other != "copy"
    )  # fmt: skip
    assert {len(those) for those in kin.values()} == {3}
    with pytest.raises(UserError, match="no column 'colour'"):
        found(corpus, spec(base, lesson={"same": "colour"}), "none")


def test_neighbours_that_were_found_are_not_looked_for_again(
    corpus: Workspace, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "PART", 10)
    whole = found(corpus, spec(base), "parts")
    corpus.store.delete(neighbours.part_file("parts", 1))
    asked: list[str] = []
    search = Retriever.search_videos
    monkeypatch.setattr(
        Retriever,
        "search_videos",
        lambda bank, ids, how: asked.extend(ids) or search(bank, ids, how),
    )
    assert found(corpus, spec(base), "parts") == whole and len(asked) == 10


def footage(workspace: Workspace, asked: TrainSpec) -> TrainingSet:
    return open_training_set(workspace, prepare_training_set.fn(workspace, "c", asked))


def test_latents_and_tokens_are_of_the_same_frames(corpus: Workspace, base: Path) -> None:
    made = footage(corpus, spec(base))
    assert made.latents.frames.shape == (25, 10, 4, 8, 8)
    assert made.tokens.frames.shape == (25, 10, 32)
    assert made.latents.counts.tolist() == made.tokens.counts.tolist() == [10] * 25
    slow = footage(corpus, spec(base, lesson={"fps": 16}))
    np.testing.assert_array_equal(slow.tokens.frames[:, ::2], made.tokens.frames[:, :5])


@pytest.mark.usefixtures("prefect_backend")
def test_a_video_that_cannot_be_read_any_more_is_left_out(tmp_path: Path) -> None:
    lesson, uris = LessonSpec(fps=8, most=4), ["fake://a", "fake://b?fault=missing", "fake://c"]
    videos = pa.table(
        {"id": ["a", "b", "c"], "uri": uris, "content": ["a", "b", "c"], "duration": [1.0] * 3}
    )
    kept, runner = open_frame_store(tmp_path, "tokens", 3, 4, (32,)), InProcessRunner()
    make = partial(footage_of.build_token_engine, lesson, FAKE, EmbedSetup())
    tasks.train.prepare.fill_store(runner, 8, videos, lesson, "tokens", kept, make)
    runner.close()
    assert kept.counts.tolist() == [4, -1, 4] and kept.left_out() == {"missing": 1}


def trained(workspace: Workspace, asked: TrainSpec, out: Path) -> dict[str, torch.Tensor]:
    """The parameters that the flow leaves."""
    said = train_controller("c", str(out), asked)
    assert said["steps"] == asked.steps and said["targets"] == 25
    unet = zeroscope.unet()
    return checkpoint.load_controller(out, list_sites(unet)).controller.state_dict()


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def test_a_run_that_was_stopped_ends_as_one_that_was_not(
    corpus: Workspace, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(controller, "SAVE_EVERY", 2)
    whole = trained(corpus, spec(base), tmp_path / "whole")
    calls, loss = iter(range(100)), ControllerTrainer.loss

    def stopping(lessons: ControllerTrainer, rng: np.random.Generator) -> torch.Tensor:
        if next(calls) == 5:
            raise KeyboardInterrupt
        return loss(lessons, rng)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(ControllerTrainer, "loss", stopping)
        train_controller.fn("c", str(tmp_path / "parts"), spec(base))
    assert (tmp_path / "parts" / "resume.pt").exists()
    assert equal(trained(corpus, spec(base), tmp_path / "parts"), whole)
    files = {file.name for file in (tmp_path / "parts").rglob("*") if file.is_file()}
    assert files == {"config.yaml", "controller.safetensors", "training.json", "resume.pt"}


@pytest.mark.parametrize("kind", ["ragme", "ragme-ordered"])
def test_a_controller_of_either_kind_is_released_in_half_precision(
    corpus: Workspace, base: Path, tmp_path: Path, kind: str
) -> None:
    asked = {key: value for key, value in spec(base).model_dump().items() if key != "architecture"}
    asked |= {"architecture": {"layers": 1}, "stored": "fp16", "precision": "bf16"}
    state = trained(corpus, build_train_spec(kind, asked), tmp_path / kind)
    assert {value.dtype for value in state.values()} == {torch.float16}
    assert any(value.any() for name, value in state.items() if "zero_convs" in name)
    said = json.loads((tmp_path / kind / "training.json").read_text())
    assert said["corpus"] == "c" and said["index"]["version"] == "v0001"
    assert said["spec"]["architecture"]["positions"] == (kind == "ragme-ordered")


def test_a_folder_of_another_training_is_refused(
    corpus: Workspace, base: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    once = trained(corpus, spec(base, steps=1), out)
    assert equal(trained(corpus, spec(base, steps=1), out), once)
    with pytest.raises(UserError, match=r"batch 4, now 2; .*rate .*seed 0, now 3.*--out"):
        train_controller("c", str(out), spec(base, steps=1, batch=2, rate=1e-3, seed=3))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("dear")
    with pytest.raises(UserError, match="--out"):
        train_controller("c", str(tmp_path / "full"), spec(base))


def test_more_steps_go_on_from_those_that_were_taken(
    corpus: Workspace, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, taken, loss = tmp_path / "out", [], ControllerTrainer.loss
    first = trained(corpus, spec(base, steps=3), out)
    monkeypatch.setattr(
        ControllerTrainer, "loss", lambda made, rng: taken.append(1) or loss(made, rng)
    )
    more = trained(corpus, spec(base, steps=5), out)
    assert len(taken) == 2 and not equal(more, first)
    assert equal(trained(corpus, spec(base, steps=5), out), more) and len(taken) == 2
    with pytest.raises(UserError, match="--steps 5"):
        train_controller("c", str(out), spec(base, steps=4))
    (out / "resume.pt").unlink()
    with pytest.raises(UserError, match=r"resume\.pt"):
        train_controller("c", str(out), spec(base, steps=7))


def test_the_path_that_is_printed_is_what_a_run_takes(
    corpus: Workspace, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = train_controller("c", "out", spec(base, steps=1))["controller"]
    assert path == str(tmp_path / "out")
    assert controller_folder(GenerateSpec(controller=path)) == tmp_path / "out"


def test_the_base_stays_as_it_is_while_the_loss_falls(corpus: Workspace, base: Path) -> None:
    """Two clips, learnt by heart through a base of random weights."""
    asked = spec(base, architecture={"spatial_average": False, "temporal_average": False})
    made = footage(corpus, asked)
    made.latents.counts[2:] = -1
    lessons = ControllerTrainer(base, asked, Examples(made, asked))
    before = {key: value.clone() for key, value in lessons.unet.state_dict().items()}
    optimizer = torch.optim.Adam(lessons.controller.parameters(), 1e-2)
    losses = []
    for _ in range(60):
        torch.manual_seed(0)
        loss = lessons.loss(np.random.default_rng(0))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]
    assert equal(before, lessons.unet.state_dict())
    assert all(p.grad is None for part in (lessons.unet, lessons.text) for p in part.parameters())


def test_a_corpus_without_an_index_is_refused_with_what_to_do(
    workspace: Workspace, base: Path, clips: Path, tmp_path: Path
) -> None:
    ingest(str(clips), "c")
    with pytest.raises(UserError, match="no index yet"):
        train_controller("c", str(tmp_path / "out"), spec(base))


@pytest.mark.parametrize(
    ("asked", "said"),
    [({"base": "/nowhere"}, "ZeroScope's layout"), ({"lesson": {"width": 30}}, "multiple of 4"),
     ({"frames": 9, "lesson": {"fps": 4}}, "no video has 9 frames")],
)  # fmt: skip
def test_what_cannot_be_trained_is_refused_in_a_sentence(
    corpus: Workspace, base: Path, tmp_path: Path, asked: dict, said: str
) -> None:
    with pytest.raises(UserError, match=said):
        train_controller("c", str(tmp_path / "out"), spec(**({"base": base} | asked)))
    with pytest.raises(UserError, match="kind of controller"):
        build_train_spec("ragtime", {})
