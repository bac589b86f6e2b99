import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from support.corpora import FAKE, counts, videos

from data.errors import UserError
from data.records import Prompt
from data.shards.stages import current_stage, read_spec_record
from data.specs.pipeline import RetrieveSpec
from data.workspace import Workspace
from engines.embed.models.fake import Embedder
from flows.embed import embed
from flows.import_ragme import import_ragme
from flows.index import index
from flows.ingest import ingest
from flows.pipeline import pipeline
from flows.pool import pool
from tasks.retrieve.export_ragme import export_ragme
from tasks.retrieve.retriever import Retriever

pytestmark = pytest.mark.usefixtures("plain_flows")


@pytest.fixture(scope="module")
def exported(
    plain_flows: object, shared_workspace: Workspace, _clips: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:  # fmt: skip
    """The shared corpus `c` of real clips, as RAGME's scripts read it."""
    folder = tmp_path_factory.mktemp("exported")
    pipeline("c", str(_clips), embed_spec=FAKE.model_copy(update={"every_nth": 5}))
    prompts = folder / "prompts.txt"
    prompts.write_text("stripes\nwaves\n")
    export_ragme(shared_workspace, "c", str(folder / "ragme"), str(prompts), k=2)
    return folder / "ragme"


@pytest.fixture
def embeddings(exported: Path, tmp_path: Path) -> Path:
    """A copy of what was exported of frames, to add to."""
    return Path(shutil.copytree(exported / "embeddings", tmp_path / "embeddings"))


def test_frame_and_pooled_vectors_have_ragmes_shapes(exported: Path) -> None:
    for n, frames in enumerate([2, 4, 6, 7]):
        vectors = np.load(exported / "embeddings" / f"clip-{n}.npy")
        assert (vectors.shape, vectors.dtype) == ((frames, 32), np.float16)
        said = json.loads((exported / "embeddings" / f"clip-{n}.json").read_text())
        assert set(said) == {"txt", "videoID", "videoLoc"}
        assert np.load(exported / "pooled" / f"clip-{n}.npy").shape == (1, 32)


def test_the_list_is_in_the_order_of_an_index_over_the_pooled_files(exported: Path) -> None:
    lines = (exported / "metadata.txt").read_text().splitlines()
    assert [Path(line).name for line in lines] == sorted(
        path.name for path in (exported / "pooled").glob("*.npy")
    )
    # RAGME's script replaces the suffix of a line by .json and opens that.
    assert all(Path(line).with_suffix(".json").is_file() for line in lines)


def test_prompts_are_exported_as_they_are_encoded(exported: Path) -> None:
    """clip_text_encode.py does not normalise: ragme.md, section 2.4."""
    encoded = Embedder(FAKE).embed_text(["stripes", "waves"])
    for n, vector in enumerate(encoded):
        found = np.load(exported / "prompts" / "embeddings" / f"00{n}.npy")
        assert np.array_equal(found, vector[None].astype(np.float16))
        assert abs(np.linalg.norm(vector) - 1) > 0.1


def test_neighbours_lie_where_ragme_looks_for_them(exported: Path) -> None:
    own = exported / "nearest_neighbors" / "nn_2-rad_0.99-dedup_0.94"
    for_prompts = exported / "prompts" / "nearest_neighbors" / "nn_2-rad_1.01-dedup_0.98"
    assert sorted(path.stem for path in for_prompts.iterdir()) == ["000", "001"]
    assert sorted(path.stem for path in own.iterdir()) == [f"clip-{n}" for n in range(4)]
    for path in own.iterdir():
        said = json.loads(path.read_text())
        assert set(said) == {"videoID", "txt", "videoLoc", "dist"}
        assert path.stem not in said["videoID"]
        assert all(isinstance(score, str) for score in said["dist"])


def test_a_copy_of_a_video_is_exported_under_its_own_id(
    workspace, clips: Path, tmp_path: Path
) -> None:
    (clips / "copy.mp4").write_bytes((clips / "clip-0.mp4").read_bytes())
    pipeline("c", str(clips), embed_spec=FAKE)
    assert export_ragme(workspace, "c", str(tmp_path / "ragme"), None, k=2)["videos"] == 5
    first, copy = (np.load(tmp_path / "ragme/embeddings" / f"{n}.npy") for n in ("clip-0", "copy"))
    assert np.array_equal(first, copy)


def test_what_was_exported_comes_back_the_same(shared_workspace, exported: Path) -> None:
    made = import_ragme(str(exported / "embeddings"), "back", FAKE)
    assert (made["new"], made["channel_order"], made["resize"]) == (4, "unknown", "unknown")
    pool("back")
    index("back")
    for kind in ("embed", "pool"):
        ours, theirs = (_vectors(shared_workspace, corpus, kind) for corpus in ("c", "back"))
        assert ours.keys() == theirs.keys()
        assert all(np.allclose(ours[id], theirs[id], atol=1e-3) for id in ours)
    asked = [Prompt("0", "stripes")], RetrieveSpec(k=4, dedup=1.01)
    first, second = (
        Retriever(shared_workspace, corpus).search_prompts(*asked) for corpus in ("c", "back")
    )
    assert [hit.video_id for hit in first] == [hit.video_id for hit in second]


def test_imported_vectors_never_share_a_stage_with_our_own(workspace, embeddings: Path) -> None:
    import_ragme(str(embeddings), "back", FAKE)
    stage = current_stage(workspace.store, "back", "embed")
    assert "unknown" in json.dumps(read_spec_record(workspace.store, stage))
    assert embed("back", FAKE)["fingerprint"] != stage.fingerprint


def test_a_run_goes_on_from_imported_vectors(workspace, embeddings: Path) -> None:
    """It must not embed anew from videos that are not there."""
    for record in embeddings.glob("*.json"):
        said = json.loads(record.read_text())
        record.write_text(json.dumps(said | {"videoLoc": f"/gone/{record.stem}.mp4"}))
    stage = import_ragme(str(embeddings), "back", FAKE)["fingerprint"]
    made = pipeline("back")
    assert (made["embed"]["fingerprint"], made["embed"]["failed"]) == (stage, {})
    found = Retriever(workspace, "back").search_prompts([Prompt("0", "stripes")], RetrieveSpec(k=1))
    assert len(found) == 1
    assert videos(workspace, "back", "embed") == counts(4, 4)
    with pytest.raises(UserError, match="imported"):
        pipeline("back", embed_spec=FAKE)
    assert current_stage(workspace.store, "back", "embed").fingerprint == stage


def test_videos_without_imported_vectors_are_named(workspace, embeddings, clips: Path) -> None:
    import_ragme(str(embeddings), "back", FAKE)
    clips.joinpath("clip-0.mp4").rename(clips / "new.mp4")
    ingest(str(clips), "back")
    with pytest.raises(UserError, match="import"):
        pipeline("back")


def test_importing_again_adds_only_what_is_new(workspace, embeddings: Path) -> None:
    import_ragme(str(embeddings), "back", FAKE)
    np.save(embeddings / "more.npy", np.ones((3, 32), np.float16))
    made = import_ragme(str(embeddings), "back", FAKE)
    assert (made["new"], made["unchanged"]) == (1, 4)
    assert videos(workspace, "back", "embed") == counts(5, 5)


def test_vectors_of_two_kinds_are_refused_before_anything_is_stored(workspace, embeddings) -> None:
    np.save(embeddings / "zz.npy", np.ones((3, 32), np.float32))
    with pytest.raises(UserError, match="vectors of two kinds"):
        import_ragme(str(embeddings), "back", FAKE)
    assert "back" not in workspace.list_corpora()


def _vectors(workspace, corpus: str, kind: str) -> dict[str, np.ndarray]:
    folder = current_stage(workspace.store, corpus, kind).folder
    rows = pq.read_table(workspace.store.local_path(f"{folder}/shard-000000.parquet")).to_pylist()
    found: dict[str, list] = {}
    for row in rows:
        found.setdefault(row["video_id"], []).append(row["vector"])
    return {id: np.array(vectors, np.float32) for id, vectors in found.items()}
