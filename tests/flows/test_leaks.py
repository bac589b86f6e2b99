"""The leak guard on a real bank: copies are found, kept out of retrieval, and traced in runs."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from support import golden
from support.corpora import FAKE, FAKE_VIDEOS
from support.generated import SPEC, run_in

import tasks.embed.canary
from data.records import Prompt, Video
from data.runs.conditioning import find_conditioning_leaks
from data.runs.evaluations import Leak
from data.runs.generations import Run, read_generations, read_run
from data.settings import Settings
from data.specs.pipeline import GenerateSpec, RetrieveSpec, fingerprint
from data.workspace import Workspace, open_workspace
from flows.generate import generate
from flows.leaderboard import leaderboard
from flows.pipeline import pipeline
from tasks.generate.withdrawal import mark_withdrawn
from tasks.retrieve.leaks import find_leaks
from tasks.retrieve.retriever import Retriever

# Decoders start.
pytestmark = [pytest.mark.usefixtures("plain_flows"), pytest.mark.timeout(300)]


def noise(number: int, size: tuple[int, int]) -> np.ndarray:
    """Frames unlike those of every other clip."""
    return np.random.default_rng(7).integers(0, 256, (size[1], size[0], 3), np.uint8)


@pytest.fixture(scope="module")
def built(_clips: Path, plain_flows, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a corpus of four clips, and of a copy of one, made once."""
    folder = tmp_path_factory.mktemp("corpus")
    shutil.copytree(_clips, folder / "clips")
    shutil.copy(folder / "clips" / "clip-1.mp4", folder / "clips" / "copy of clip-1.mp4")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            tasks.embed.canary, "_write_clips", lambda store: [Video("canary", "fake://canary", "")]
        )
        for name, value in (("ROOT", folder / "store"), ("RUNNER", "in_process"), ("DECODERS", 1)):
            patch.setenv(f"REELFLOW_{name}", str(value))
        pipeline("c", str(folder / "clips"), embed_spec=FAKE)
    return folder / "store"


@pytest.fixture
def corpus(workspace: Workspace, built: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("REELFLOW_DECODERS", "1")
    shutil.copytree(built, workspace.store.root)
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


@pytest.mark.usefixtures("prefect_backend")
def test_exact_and_near_copies_are_told_apart_and_generate_leaves_them_out(
    reelflow, corpus: str, source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "leaks.jsonl"
    words = ("leaks", corpus, str(source), "--threshold", "0.995", "--out", str(out))
    code, said, err = reelflow(*words)
    assert code == 0 and "2 of 4 clips are in c" in said and "exact" in said, err
    assert "not compared: broken" in err and "(undecodable)" in err  # and costs nothing
    found = [json.loads(line) for line in out.read_text().splitlines()]
    kinds = {(leak["clip"], leak["video_id"]): leak["kind"] for leak in found}
    assert kinds["same", "clip-1"] == "exact" and kinds["again", "clip-2"] == "near"
    assert not [pair for pair in kinds if pair[0] in ("other", "broken")]
    assert all(leak["similarity"] >= 0.995 for leak in found)
    left = {f"clip-{n}" for n in range(4)} - {leak["video_id"] for leak in found}
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("a red circle\n")
    shape = ("--engine", "fake", "--size", "32x16", "--frames", str(FAKE_VIDEOS.frames))
    code, said, err = reelflow(
        "generate", corpus, str(prompts), "-k", "4", "--without", str(out), "--json", *shape
    )
    assert code == 0, err
    rows = read_generations(open_workspace(Settings()).store, run_of_json(said))
    assert {hit["video_id"] for row in rows for hit in row["hits"]} == left


def run_of_json(said: str) -> Run:
    return read_run(open_workspace(Settings()).store, json.loads(said)["run"])


def test_what_is_excluded_is_not_retrieved_nor_are_its_copies(workspace, corpus: str) -> None:
    bank, every = Retriever(workspace, corpus), RetrieveSpec(k=4, dedup=1.01)
    hits = {hit.video_id for hit in bank.search_prompts([Prompt("0", "a wave")], every)}
    assert hits == {"clip-0", "clip-1", "clip-2", "clip-3"}
    for name in ("clip-1", "copy of clip-1"):
        without = every.model_copy(update={"exclude": (name,)})
        left = bank.search_prompts([Prompt("0", "a wave")], without)
        assert {hit.video_id for hit in left} == hits - {"clip-1"}
    filtered = every.model_copy(update={"exclude": ("clip-1",), "where": "duration > 0"})
    assert len(bank.search_prompts([Prompt("0", "a wave")], filtered)) == 3


def test_a_withdrawn_video_leaks_no_more(workspace, corpus: str, source: Path) -> None:
    clips = [Video("same", str(source / "same" / "video.mp4"), "")]
    mark_withdrawn(workspace, corpus, "clip-1", None)
    assert find_leaks(workspace, corpus, clips, 0.9999).leaks == ()


def test_a_clip_that_is_not_there_is_left_out_with_its_reason(workspace, corpus: str) -> None:
    tested = find_leaks(workspace, corpus, [Video("gone", "/nowhere/video.mp4", "")])
    assert [(f.id, f.reason) for f in tested.failed] == [("gone", "missing")]
    assert tested.leaks == () and tested.clips == 1


def test_requests_that_followed_a_leaked_clip_are_named(workspace, clips: Path) -> None:
    run = run_in(workspace.store, ["a", "b", "c"], sorted(clips.glob("*.mp4")), SPEC, {2: "broken"})
    found = find_conditioning_leaks(workspace.store, run, [Leak("cat", "clip-1", "near", 0.99)])
    assert found == {"000-0": ["clip-1"], "001-0": ["clip-1"]}
    assert find_conditioning_leaks(workspace.store, run, []) == {}


def test_a_spec_that_excludes_nothing_keeps_its_name() -> None:
    assert fingerprint(GenerateSpec(), "1") == "3ae20e763fbd"  # from before it could be excluded
    barred = RetrieveSpec(exclude=("a",))
    assert fingerprint(barred, "1") != fingerprint(RetrieveSpec(), "1")
    assert RetrieveSpec.model_validate(barred.model_dump()) == barred


def test_an_evaluated_runs_bank_is_tested_and_the_leaderboard_flags_it(
    reelflow, corpus: str, source: Path, tmp_path: Path
) -> None:
    prompts = tmp_path / "prompts.jsonl"
    asked = [{"id": clip, "txt": f"a {clip} circle"} for clip in ("same", "other", "unknown")]
    prompts.write_text("".join(json.dumps(row) + "\n" for row in asked))
    spec = FAKE_VIDEOS.model_copy(update={"retrieve": RetrieveSpec(k=4, dedup=1.01)})
    run = generate(corpus, str(prompts), spec)["run"]
    words = ("evaluate", run, "--metrics", "motion_smoothness_average", "--num-frames", "3")
    code, said, err = reelflow(*words, "--clips", str(source), "--json")
    assert code == 0, err
    first = json.loads(said)
    found = {(leak["clip"], leak["video_id"], leak["kind"]) for leak in first["leaks"]}
    assert ("same", "clip-1", "exact") in found and first["guarded"] == "c"
    assert {clip for clip, *_ in found} <= {"same", "other"}  # what is not evaluated does not count
    _, said, _ = reelflow(*words, "--json")
    assert json.loads(said) == first  # as it is known, though it was not asked for again
    made = leaderboard(out=str(tmp_path / "board.html"))
    assert made["tables"][0]["entries"][0]["warning"]
    page = (tmp_path / "board.html").read_text()
    assert ": clip-1 (exact)" in page and page.count('<p class="bad size">⚑') == 3


def test_only_runs_have_a_bank_to_test(reelflow, workspace, source: Path, clips: Path) -> None:
    words = ("--metrics", "motion_smoothness_average", "--num-frames", "3", "--clips", str(source))
    code, _, err = reelflow("evaluate", str(clips), *words)
    assert code == 1 and "--clips" in err


def test_a_corpus_without_an_index_is_refused(reelflow, source: Path) -> None:
    code, _, err = reelflow("leaks", "nothing", str(source))
    assert code == 1 and "no corpus 'nothing'" in err
