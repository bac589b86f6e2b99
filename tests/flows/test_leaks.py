"""The leak guard on a real bank: copies are found, kept out of retrieval, and traced in runs."""

import json
import shutil
from pathlib import Path

import golden
import numpy as np
import pytest
from corpora import FAKE, FAKE_VIDEOS
from generated import SPEC, run_in

import tasks.canary
from data.evaluations import Leak
from data.records import Prompt, Video
from data.specs import GenerateSpec, RetrieveSpec, fingerprint
from data.workplace import Workplace
from flows.leaks import leaks
from flows.pipeline import pipeline
from tasks.leaks import conditioned, guard, leaks_of
from tasks.search import Bank
from tasks.withdrawal import mark_withdrawn

pytestmark = pytest.mark.usefixtures("prefect_backend")


def noise(number: int, size: tuple[int, int]) -> np.ndarray:
    """Frames unlike those of every other clip."""
    return np.random.default_rng(7).integers(0, 256, (size[1], size[0], 3), np.uint8)


@pytest.fixture(scope="module")
def built(_clips: Path, prefect_backend, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a corpus of four clips, and of a copy of one, made once."""
    folder = tmp_path_factory.mktemp("corpus")
    shutil.copytree(_clips, folder / "clips")
    shutil.copy(folder / "clips" / "clip-1.mp4", folder / "clips" / "copy of clip-1.mp4")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks.canary, "_clips", lambda store: [Video("canary", "fake://canary", "")])
        for name, value in (("ROOT", folder / "store"), ("RUNNER", "in_process"), ("DECODERS", 2)):
            patch.setenv(f"REELFLOW_{name}", str(value))
        pipeline("c", str(folder / "clips"), embed_spec=FAKE)
    return folder / "store"


@pytest.fixture
def corpus(place: Workplace, built: Path) -> str:
    shutil.copytree(built, place.store.root)
    return "c"


@pytest.fixture
def source(clips: Path, tmp_path: Path) -> Path:
    """Four clips: the bytes of a corpus's, the same encoded anew, another one, and a broken one."""
    folder = tmp_path / "benchmark"
    for clip in ("same", "again", "other", "broken"):
        (folder / clip).mkdir(parents=True)
    shutil.copy(clips / "clip-1.mp4", folder / "same" / "video.mp4")
    recode(clips / "clip-2.mp4", folder / "again" / "video.mp4")
    golden.clip(folder / "other" / "video.mp4", frames=5, draw=noise)
    golden.html(folder / "broken" / "video.mp4")
    return folder


def recode(clip: Path, out: Path) -> None:
    """The same frames in other bytes."""
    import av

    with av.open(str(clip)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    golden.clip(out, frames=len(frames), options={"crf": "30"}, draw=lambda n, _: frames[n])


def test_exact_and_near_copies_are_told_apart_and_a_broken_clip_costs_nothing(
    place, corpus: str, source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "leaks.jsonl"
    found = leaks(corpus, str(source), 0.995, str(out))
    kinds = {(leak["clip"], leak["video_id"]): leak["kind"] for leak in found["leaks"]}
    assert kinds["same", "clip-1"] == "exact" and kinds["again", "clip-2"] == "near"
    assert not [pair for pair in kinds if pair[0] in ("other", "broken")]
    assert all(leak["similarity"] >= 0.995 for leak in found["leaks"])
    assert [(f["id"], f["reason"]) for f in found["failed"]] == [("broken", "undecodable")]
    assert found["clips"] == 4
    assert [json.loads(line) for line in out.read_text().splitlines()] == list(found["leaks"])


def test_what_is_excluded_is_not_retrieved_nor_are_its_copies(place, corpus: str) -> None:
    bank, every = Bank(place, corpus), RetrieveSpec(k=4, dedup=1.01)
    hits = {hit.video_id for hit in bank.by_text([Prompt("0", "a wave")], every)}
    assert hits == {"clip-0", "clip-1", "clip-2", "clip-3"}
    for name in ("clip-1", "copy of clip-1"):
        without = every.model_copy(update={"exclude": (name,)})
        left = bank.by_text([Prompt("0", "a wave")], without)
        assert {hit.video_id for hit in left} == hits - {"clip-1"}
    filtered = every.model_copy(update={"exclude": ("clip-1",), "where": "duration > 0"})
    assert len(bank.by_text([Prompt("0", "a wave")], filtered)) == 3


def test_a_withdrawn_video_leaks_no_more(place, corpus: str, source: Path) -> None:
    clips = [Video("same", str(source / "same" / "video.mp4"), "")]
    assert [leak.kind for leak in leaks_of(place, corpus, clips, 0.9999)] == ["exact"]
    mark_withdrawn(place, corpus, "clip-1", None)
    assert leaks_of(place, corpus, clips, 0.9999) == ()


def test_a_clip_that_is_not_there_is_left_out_with_its_reason(place, corpus: str) -> None:
    tested = guard(place, corpus, [Video("gone", "/nowhere/video.mp4", "")])
    assert [(f.id, f.reason) for f in tested.failed] == [("gone", "missing")]
    assert tested.leaks == () and tested.clips == 1


def test_requests_that_followed_a_leaked_clip_are_named(place, clips: Path) -> None:
    run = run_in(place.store, ["a", "b", "c"], sorted(clips.glob("*.mp4")), SPEC, {2: "broken"})
    found = conditioned(place, run, [Leak("cat", "clip-1", "near", 0.99)])
    assert found == {"000-0": ["clip-1"], "001-0": ["clip-1"]}
    assert conditioned(place, run, []) == {}


def test_a_spec_that_excludes_nothing_keeps_its_name() -> None:
    assert fingerprint(GenerateSpec(), "1") == "3ae20e763fbd"  # from before it could be excluded
    barred = RetrieveSpec(exclude=("a",))
    assert fingerprint(barred, "1") != fingerprint(RetrieveSpec(), "1")
    assert RetrieveSpec.model_validate(barred.model_dump()) == barred


def test_the_command_prints_what_it_found_and_generate_leaves_it_out(
    reelflow, corpus: str, source: Path, tmp_path: Path
) -> None:
    out, prompts = tmp_path / "leaks.jsonl", tmp_path / "prompts.txt"
    code, said, err = reelflow(
        "leaks", corpus, str(source), "--threshold", "0.9999", "--out", str(out)
    )
    assert code == 0 and "1 of 4 clips are in c" in said and "exact" in said, err
    assert "not compared: broken" in err
    prompts.write_text("a red circle\n")
    shape = ("--engine", "fake", "--size", "32x16", "--frames", str(FAKE_VIDEOS.frames))
    code, said, err = reelflow(
        "generate", corpus, str(prompts), "-k", "4", "--without", str(out), "--json", *shape
    )
    assert code == 0, err
    _, said, _ = reelflow("passport", "clip-1", "--json")
    assert json.loads(said)["influenced"] == []
    _, said, _ = reelflow("passport", "clip-0", "--json")
    assert len(json.loads(said)["influenced"]) == 1


def test_a_corpus_without_an_index_is_refused(reelflow, source: Path) -> None:
    code, _, err = reelflow("leaks", "nothing", str(source))
    assert code == 1 and "no corpus 'nothing'" in err
