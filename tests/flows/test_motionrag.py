"""MotionRAG end to end on a tiny SVD folder: features once, then videos that decode no clip."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from support import golden, motionrag
from support.corpora import FAKE

from data.errors import UserError
from data.records import Prompt
from data.shards.stages import MOTION_FEATURES, current_stage
from data.specs.encode import CaptionSpec
from data.specs.motion import MotionFeaturesSpec, MotionSpec
from data.specs.pipeline import GenerateSpec, RetrieveSpec
from data.store.motion_features import CorruptFeatures, iter_features
from data.workspace import Workspace
from engines.generate.generators.motionrag import Generator
from engines.video.decoders.pyav import decode_frames
from engines.video.frames import Sampling
from flows.caption_vectors import caption_vectors
from flows.generate import generate
from flows.ingest import ingest
from flows.motion_features import motion_features
from flows.pipeline import pipeline
from tasks.generate.run import complete_run
from tasks.generate.withdrawal import mark_withdrawn
from tasks.generate.writer import WithdrawnMeanwhile
from tasks.motion.stage import locate_features
from tasks.retrieve.choose import CAPTIONS_MORE, describe_index, open_retriever
from tasks.retrieve.stored import CaptionRetriever, MotionRetriever

pytestmark = pytest.mark.usefixtures("plain_flows")
CLIPS = 4


@pytest.fixture(scope="module")
def workspace(shared_workspace: Workspace) -> Workspace:
    return shared_workspace


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base, a release for it, clips, and a picture to start from."""
    folder = tmp_path_factory.mktemp("motion")
    motionrag.write_pipeline(folder)
    for n in range(CLIPS):
        golden.clip(folder / "clips" / f"clip-{n}.mp4", frames=10 + 8 * n, draw=_shade(n))
        (folder / "clips" / f"clip-{n}.txt").write_text(MOTIONS[n])
    rows = [{"id": "own", "txt": "a red ball", "image": "own.png"}]
    (folder / "prompts.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder


@pytest.fixture(scope="module")
def described(workspace: Workspace, folder: Path, plain_flows: object) -> dict:
    pipeline("c", str(folder / "clips"), embed_spec=FAKE)
    return motion_features("c", MotionFeaturesSpec(controller=str(folder / "release"), frames=4))


def spec(folder: Path, **fields: object) -> GenerateSpec:
    return GenerateSpec(**{
        "engine": "motionrag", "base": str(folder / "base"), "precision": "fp32", "width": 32,
        "height": 32, "frames": 4, "steps": 1, "controller": str(folder / "release"),
        "retrieve": RetrieveSpec(k=3, dedup=1.01),
    } | fields)  # fmt: skip


def made(folder: Path, **fields: object) -> tuple[dict, bytes]:
    """The only row of a run, and its file."""
    run = generate("c", str(folder / "prompts.jsonl"), spec(folder, **fields))
    [row] = pq.read_table(run["table"]).to_pylist()
    return row, (Path(run["table"]).parent / row["file"]).read_bytes()


def test_features_are_made_once_and_are_of_the_middle(workspace, folder, described) -> None:
    assert (described["done"], described["failed"]) == (CLIPS, {})
    again = motion_features("c")
    assert (again["done"], again["fingerprint"]) == (0, described["fingerprint"])
    stage = current_stage(workspace.store, "c", MOTION_FEATURES)
    rows = list(iter_features(workspace.store, f"{stage.folder}/shard-000000.parquet"))
    assert len(rows) == CLIPS
    for id, content, clip in rows:
        assert clip.motion.shape == clip.appearance.shape == (motionrag.QUERIES, motionrag.DIM)
        assert clip.motion.dtype == np.float16
        duration = (10 + 8 * int(id[5])) / 25
        assert clip.start_s == pytest.approx(max(0, duration - 0.5) / 2, abs=2e-3)
        found = locate_features(workspace, stage, [content])(content)
        assert np.array_equal(found.motion, clip.motion)


def test_a_video_of_stored_features_decodes_no_clip(
    workspace, folder, described, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engines.generate import clips

    monkeypatch.setattr(clips, "decode_windows", lambda *_: pytest.fail("a clip was decoded"))
    row, _ = made(folder)
    assert [hit["rank"] for hit in row["hits"]] == [1, 2, 3]
    assert row["image"] == str(folder / "own.png") and row["note"] is None
    assert sum(hit["weight"] for hit in row["hits"]) == pytest.approx(1)


def test_another_release_has_features_of_its_own(workspace, folder, described) -> None:
    with pytest.raises(UserError, match="/nowhere"):
        motion_features("c", MotionFeaturesSpec(controller="/nowhere"))
    with pytest.raises(UserError, match="--motion"):
        motion_features("c", MotionFeaturesSpec(controller="", patches=True))
    assert (
        current_stage(workspace.store, "c", MOTION_FEATURES).fingerprint
        == (described["fingerprint"])
    )


def test_a_video_may_take_the_motion_of_a_file_or_of_one_of_the_corpus(
    workspace, folder, described
) -> None:
    clip = folder / "clips" / "clip-2.mp4"
    row, of_file = made(folder, motion=MotionSpec(source=str(clip)))
    assert [(hit["video_id"], hit["weight"]) for hit in row["hits"]] == [("clip-2.mp4", 1.0)]
    assert row["image"] and row["index_version"] is None, "nothing is retrieved"
    assert of_file != made(folder)[1], "which three clips moved"
    moved = folder / "elsewhere.mp4"
    moved.write_bytes(clip.read_bytes())
    again, _ = made(folder, motion=MotionSpec(source=str(moved)))
    assert again["run"] == row["run"], "by its bytes, wherever they lie"
    other, of_other = made(folder, motion=MotionSpec(source="clip-3"))
    assert other["hits"][0]["video_id"] == "clip-3" and of_other != of_file
    with pytest.raises(UserError, match="motion-from"):
        made(folder, motion=MotionSpec(source="nothing"))


def test_each_prompt_may_name_the_video_whose_motion_its_own_takes(
    workspace, folder, described
) -> None:
    rows = [
        {"id": "one", "txt": "a red ball", "image": "own.png", "truth": "clip-3"},
        {"id": "two", "txt": "a ball", "image": "own.png", "truth": "clip-1"},
        {"id": "none", "txt": "a blue ball", "image": "own.png"},
    ]
    prompts = folder / "named.jsonl"
    prompts.write_text("\n".join(map(json.dumps, rows)))
    summary = generate("c", str(prompts), spec(folder, motion=MotionSpec(source_column="truth")))
    made_rows = {row["prompt_id"]: row for row in pq.read_table(summary["table"]).to_pylist()}
    assert [made_rows[id]["hits"][0]["video_id"] for id in ("one", "two")] == ["clip-3", "clip-1"]
    assert made_rows["none"]["reason"] == "missing" and "truth" in made_rows["none"]["detail"]
    with pytest.raises(UserError, match="motion-column"):
        generate("c", str(prompts), spec(folder, motion=MotionSpec(source_column="id")))


def test_clips_may_be_played_backwards(workspace, folder, described) -> None:
    """They are decoded for it: stored features are of clips as they are."""
    forwards, backwards = made(folder), made(folder, motion=MotionSpec(backwards=True))
    assert forwards[0]["hits"][0]["video_id"] == backwards[0]["hits"][0]["video_id"]
    assert forwards[0]["run"] != backwards[0]["run"] and forwards[1] != backwards[1]


def test_corrupt_features_are_named_and_cost_no_more_than_the_clips(
    workspace, folder, described
) -> None:
    stage = current_stage(workspace.store, "c", MOTION_FEATURES)
    file = Path(workspace.store.path(f"{stage.folder}/shard-000000.parquet"))
    whole = file.read_bytes()
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :]
    try:
        for seed, broken in enumerate((flipped, whole[:middle], b""), 7):
            file.write_bytes(broken)
            row, _ = made(folder, seed=seed)
            assert row["hits"] == [] and row["reason"] is None
            assert "corrupt motion features" in row["note"] and file.name in row["note"]
            with pytest.raises(CorruptFeatures, match=file.name):
                list(iter_features(workspace.store, f"{stage.folder}/{file.name}"))
            with pytest.raises(UserError, match=file.name):
                MotionRetriever(workspace, "c")
        file.unlink()
        row, _ = made(folder, seed=10)
        assert row["hits"] == [] and file.name in row["note"]
    finally:
        file.write_bytes(whole)
    assert len(list(iter_features(workspace.store, f"{stage.folder}/{file.name}"))) == CLIPS


def test_pictures_of_any_shape_and_missing_ones_and_fewer_than_k(
    workspace, folder, described
) -> None:
    Image.new("RGB", (90, 30), "blue").save(folder / "wide.png")
    (folder / "torn.png").write_bytes((folder / "wide.png").read_bytes()[:60])
    rows = [
        {"id": "torn", "txt": "torn", "image": "torn.png"},
        {"id": "wide", "txt": "wide", "image": "wide.png"},
        {"id": "gone", "txt": "gone", "image": "gone.png"},
        {"id": "none", "txt": "none", "image": "own.png", "where": "false"},
    ]
    prompts = folder / "odd.jsonl"
    prompts.write_text("\n".join(map(json.dumps, rows)))
    many = RetrieveSpec(k=9, dedup=1.01)
    run = generate("c", str(prompts), spec(folder, retrieve=many))
    assert (run["done"], run["short_of_clips"]) == (2, 2)
    assert run["failed"] == {"missing": 1, "rejected": 1}
    [torn, wide, gone, none] = pq.read_table(run["table"]).to_pylist()
    assert len(wide["hits"]) == CLIPS and gone["reason"] == "missing"
    assert torn["reason"] == "rejected" and "torn.png" in torn["detail"]
    assert (none["hits"], none["reason"]) == ([], None), "without hits it is the base's video"


def test_an_interrupted_run_of_features_is_taken_up_and_ends_the_same(
    workspace, folder, described, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engines.generate.motionrag.features import MotionDescriber

    asked = MotionFeaturesSpec(controller=str(folder / "release"), frames=3)
    describe, seen = MotionDescriber._describe, []

    def stop(self, id, *rest):
        seen.append(id)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return describe(self, id, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(MotionDescriber, "_describe", stop)
        with pytest.raises(KeyboardInterrupt):
            motion_features("c", asked)
    stage = current_stage(workspace.store, "c", MOTION_FEATURES)
    left = {name.rsplit("/", 1)[-1] for name in workspace.store.list_names(stage.folder)}
    assert "shard-000000.parquet" not in left, "nothing half-written counts"
    assert motion_features("c", asked)["done"] == CLIPS
    names = [f"{stage.folder}/shard-000000.parquet"]
    assert len(list(iter_features(workspace.store, names[0]))) == CLIPS
    release = str(folder / "release")  # the other spec is the corpus's again
    assert motion_features("c", MotionFeaturesSpec(controller=release, frames=4))["done"] == 0


def test_a_clip_withdrawn_since_it_was_planned_moves_no_video(workspace, folder, described) -> None:
    row, _ = made(folder)  # of an earlier test: nothing is made again
    first = row["hits"][0]["video_id"]
    mark_withdrawn(workspace, "c", first, "rights")
    row, _ = made(folder, seed=22)
    assert first not in {hit["video_id"] for hit in row["hits"]} and row["hits"]
    found = MotionRetriever(workspace, "c").search_videos(
        [row["hits"][0]["video_id"]], RetrieveSpec(k=4, ceiling=1.01, dedup=1.01)
    )
    assert first not in {hit.video_id for hit in found}


def _shade(n: int):
    def draw(number: int, size: tuple[int, int]) -> np.ndarray:
        return golden.picture(number * (n + 1), size) // (n + 1)

    return draw


@pytest.fixture(scope="module")
def captioned(workspace: Workspace, folder: Path, described: dict) -> str:
    """A corpus of spans of files with two captions, as published tables have them."""
    rows = [
        {"id": n, "video": f"clips/clip-{n % 3}.mp4", "start_sec": 0.04 * (n // 3),
         "end_sec": 0.3 + 0.04 * (n // 3), "llm_caption": f"a scene numbered {n}",
         "motion_caption": text, "prompt": "juggle", "film": f"film-{n % 3}"}
        for n, text in enumerate(MOTIONS)
    ]  # fmt: skip
    source = folder / "table.jsonl"
    source.write_text("\n".join(map(json.dumps, rows)))
    columns = {"videoID": "id", "videoLoc": "video", "txt": "llm_caption"}
    ingest(str(source), "spans", columns)
    caption_vectors("spans", CaptionSpec(column="motion_caption"))
    return "spans"


MOTIONS = ("a man runs to the left", "a dog jumps up and down", "a boat drifts slowly away",
           "a woman runs to the left fast", "a cat jumps high", None)  # fmt: skip


def test_captions_are_searched_without_the_prompts_own_relatives(workspace, captioned) -> None:
    prompts = [
        Prompt("p", "a scene", columns={"motion_caption": MOTIONS[0], "id": "0"}),
        Prompt("q", "an animal that jumps"),
    ]
    retriever = CaptionRetriever(workspace, captioned)
    asked = RetrieveSpec(k=2, dedup=1.01, by="caption", own="id")
    first, second, *others = retriever.search_prompts(prompts, asked)
    assert (first.rank, first.excluded) == (1, 2), "its own, and what is cut from the same file"
    assert not {first.video_id, second.video_id} & {"0", "3"}
    assert [hit.prompt_id for hit in (second, *others)] == ["p", "q", "q"]
    assert {hit.video_id for hit in others} == {"1", "4"} and others[0].excluded == 0
    apart = asked.model_copy(update={"not_from_same": "film"})
    ids = [hit.video_id for hit in retriever.search_prompts(prompts[:1], apart)]
    assert "3" not in ids and len(ids) == 2, "over-fetched until k are left"
    without = json.loads(workspace.store.read(
        f"{retriever.stage.folder}/receipts/000000.json"))  # fmt: skip
    assert [row["reason"] for row in without["rows"]].count("empty") == 1


def test_clips_that_move_alike_are_found_by_motion(workspace, folder, described) -> None:
    retriever = MotionRetriever(workspace, "c")
    hits = retriever.search_videos(["clip-0"], RetrieveSpec(k=2, ceiling=1.01, dedup=1.01))
    assert len(hits) == 2 and "clip-0" not in {hit.video_id for hit in hits}
    prompts = folder / "own.jsonl"
    row = {"id": "m", "txt": "red", "image": "own.png", "of": "clip-1"}
    prompts.write_text(json.dumps(row))
    by = RetrieveSpec(k=2, ceiling=1.01, dedup=1.01, by="motion", own="of")
    run = generate("c", str(prompts), spec(folder, retrieve=by))
    [made] = pq.read_table(run["table"]).to_pylist()
    assert len(made["hits"]) == 2 and made["hits"][0]["excluded"] is not None
    assert "clip-1" not in {hit["video_id"] for hit in made["hits"]}


def test_pictures_are_compared_and_of_the_best_captions_the_likest(
    workspace, folder, described
) -> None:
    """A clip that has a caption before it has a vector costs none of the others."""
    golden.clip(folder / "clips" / "late.mp4", frames=12, draw=_shade(7))
    (folder / "clips" / "late.txt").write_text("a man who runs to the left")
    ingest(str(folder / "clips"), "c")
    caption_vectors("c", CaptionSpec())
    picture = folder / "of-2.png"
    pixels = decode_frames(str(folder / "clips" / "clip-2.mp4"), Sampling(1), None)
    first = next(iter(pixels)).pixels[0].transpose(1, 2, 0)
    Image.fromarray(first).save(picture)
    asked = RetrieveSpec(k=1, ceiling=1.01, dedup=1.01)
    prompt = Prompt("p", "a man runs to the left", image=str(picture))
    by_image = open_retriever(workspace, "c", "image")
    likest = by_image.search_prompts([prompt], asked.model_copy(update={"k": CLIPS}))
    # A test before this one withdraws one of the clips.
    assert len({hit.video_id for hit in likest} & {f"clip-{n}" for n in range(CLIPS)}) >= CLIPS - 1
    assert [hit.score for hit in likest] == sorted((hit.score for hit in likest), reverse=True)
    red = by_image.search_prompts([Prompt("p", prompt.text, image=str(folder / "own.png"))], asked)
    assert red[0].score not in {hit.score for hit in likest}
    both = open_retriever(workspace, "c", "caption+image")
    captioned = CaptionRetriever(workspace, "c").search_prompts(
        [prompt], asked.model_copy(update={"k": 2 + CAPTIONS_MORE})
    )
    assert "late" in {each.video_id for each in captioned}
    [hit] = both.search_prompts([prompt], asked)
    assert hit.video_id == likest[0].video_id and hit.rank == 1
    assert both.search_prompts([prompt], asked.model_copy(update={"where": "false"})) == []
    assert both.unmatched == ["false"] and both.shortages["p"] == 1
    with pytest.raises(UserError, match="image"):
        by_image.search_prompts([Prompt("q", "no picture")], asked)
    index, version = describe_index(workspace, "c", "caption+image")
    assert "+" in index and "+" in version


def test_nothing_is_generated_from_what_is_withdrawn_in_mid_run(
    workspace, folder, described, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate_video, gone = Generator._generate_video, []

    def withdraw(self, request, clips):
        gone.append(clips[0].source.video_id)
        mark_withdrawn(workspace, "c", gone[0], "rights")
        return generate_video(self, request, clips)

    with monkeypatch.context() as patch:
        patch.setattr(Generator, "_generate_video", withdraw)
        with pytest.raises(WithdrawnMeanwhile, match=r"withdrawn"):  # Prefect tries again
            made(folder, seed=31)
    row, _ = made(folder, seed=31)
    assert gone[0] not in {hit["video_id"] for hit in row["hits"]} and row["hits"]
    second, complete = row["hits"][0]["video_id"], complete_run

    def complete_late(place, *planned):
        mark_withdrawn(workspace, "c", second, "rights")
        return complete(place, *planned)

    monkeypatch.setattr("flows.generate.complete_run", complete_late)
    row, _ = made(folder, seed=32)
    assert second not in {hit["video_id"] for hit in row["hits"]} and row["reason"] is None
    assert second in row["note"] and "withdrawn" in row["note"]
