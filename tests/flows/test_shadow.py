import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.corpora import FAKE

from data.errors import UserError
from data.records import Prompt
from data.shards.lists import list_done
from data.shards.stages import current_stage, read_spec
from data.specs.pipeline import EmbedSpec, IndexSpec, RetrieveSpec
from data.store import layout
from data.workspace import Workspace
from engines.base import load_plugin
from engines.pool.methods.mean import pool as mean
from engines.retrieve.overlap import compute_overlap, compute_recall
from flows.backfill import backfill
from flows.index import index
from flows.pipeline import pipeline
from flows.pool import pool
from flows.shadow import compare_vectors, switch
from tasks.retrieve.retriever import Retriever
from tasks.stages import find_embed_stage, find_stage_over

pytestmark = pytest.mark.usefixtures("plain_flows")
OTHER = EmbedSpec(engine="fake", every_nth=3)
FLAT = IndexSpec(engine="flat")


def searched(workspace: Workspace) -> tuple[str, list[tuple[str, float]]]:
    """Which vectors are searched, and what is found."""
    bank = Retriever(workspace, "c")
    hits = bank.search_prompts([Prompt("p", "a red circle")], RetrieveSpec(k=3, dedup=1.01))
    return bank.stage.fingerprint, [(hit.video_id, round(hit.score, 6)) for hit in hits]


@pytest.fixture
def shadow(workspace: Workspace) -> tuple[str, str]:
    """A corpus in use, and the same videos embedded in another way: both fingerprints."""
    used = pipeline("c", "fake://24", embed_spec=FAKE, index_spec=FLAT)["embed"]["fingerprint"]
    other = backfill("c", "true", OTHER, approved=True)["fingerprint"]
    return used, other


@pytest.mark.usefixtures("prefect_backend")
def test_one_command_switches_and_the_same_command_switches_back(
    workspace: Workspace, shadow
) -> None:
    used, other = shadow
    before = searched(workspace)
    pool("c", embed=other)
    index("c", FLAT, embed=other)
    assert searched(workspace) == before  # nothing changed by filling the other
    switch("c", other)
    after = searched(workspace)
    assert after[0] != before[0]
    switch("c", used)
    assert searched(workspace) == before
    switch("c", other)
    assert searched(workspace) == after


def test_the_commands_say_what_is_alike_and_what_was_switched(
    workspace: Workspace, shadow, reelflow
) -> None:
    used, other = shadow
    pool("c", embed=other)
    index("c", FLAT, embed=other)
    code, said, _ = reelflow("compare-vectors", "c", other, "--sample", "12", "--json")
    compared = json.loads(said)
    assert (code, compared["used"], compared["videos"]) == (0, used, 12)
    code, said, _ = reelflow("switch", "c", other)
    assert code == 0 and used in said and other in said
    assert current_stage(workspace.store, "c", "embed").fingerprint == other
    code, _, error = reelflow("switch", "c", "0123")
    assert code == 1 and "0123" in error


def test_worse_vectors_have_less_in_common_and_find_fewer_videos(
    workspace: Workspace, shadow
) -> None:
    """Good ones are what the captions say; bad ones, what those of other videos say."""
    used, other = shadow
    pool("c", embed=other)
    _tell(workspace, used, lambda vectors: vectors)
    _tell(workspace, other, lambda vectors: vectors)
    good = compare_vectors("c", other)
    assert good["overlap"] == 1 and good["recall"] == (1, 1)
    _tell(workspace, other, lambda vectors: np.random.default_rng(3).permutation(vectors))
    bad = compare_vectors("c", other)
    assert bad["overlap"] < 0.8
    assert bad["recall"][0] == 1 > 0.8 > bad["recall"][1]
    assert bad["recall_at_1"][0] > 0.5 > bad["recall_at_1"][1]


def _tell(workspace: Workspace, embed: str, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Gives the pooled videos the vectors of their captions, changed in some way."""
    embedded = find_embed_stage(workspace, "c", embed)
    folder = find_stage_over(workspace, embedded, "pool").folder
    model = load_plugin("embed.models", "fake").Embedder(
        read_spec(workspace.store, embedded, EmbedSpec)
    )
    model.load(None, compile=False)
    with workspace.open_catalog() as catalog:
        told = dict(catalog.execute("SELECT id, caption FROM videos WHERE corpus = 'c'"))
    for shard in list_done(workspace.store, folder):
        file = workspace.store.local_path(layout.shard_file(folder, shard))
        table = pq.read_table(file)
        texts = [model.embed_text([told[id]]) for id in table["video_id"].to_pylist()]
        vectors = change(np.stack([mean(text) for text in texts]).astype(np.float32))
        column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1])
        at = table.schema.get_field_index("vector")
        pq.write_table(table.set_column(at, table.schema.field(at), column), file)


def test_vectors_without_an_index_are_not_switched_to(workspace: Workspace, shadow) -> None:
    _, other = shadow
    before = searched(workspace)
    with pytest.raises(UserError, match=f"reelflow pool c --embed {other}"):
        switch("c", other)
    pool("c", embed=other)
    with pytest.raises(UserError, match=f"reelflow index c --embed {other}"):
        switch("c", other)
    with pytest.raises(UserError, match="0123"):
        switch("c", "0123")
    assert searched(workspace) == before


def test_both_are_compared_on_the_same_videos(workspace: Workspace, shadow) -> None:
    used, other = shadow
    pool("c", embed=other)
    made = compare_vectors("c", other)
    assert (made["videos"], made["captions"]) == (24, 24)
    assert 0 <= made["overlap"] <= 1
    assert all(0 <= share <= 1 for share in (*made["recall"], *made["recall_at_1"]))
    same = compare_vectors("c", used)
    assert same["overlap"] == 1
    assert same["recall"][0] == same["recall"][1]


def test_a_shard_of_which_nothing_went_through_has_no_vectors_to_compare(
    workspace: Workspace, shadow, tmp_path: Path
) -> None:
    _, other = shadow
    torn = tmp_path / "torn.csv"
    torn.write_text("videoID,videoLoc,txt\nlast,fake://99?frames=8&fault=undecodable,a torn one\n")
    pipeline("c", str(torn), embed_spec=FAKE, index_spec=FLAT)
    pool("c", embed=other)
    assert compare_vectors("c", other)["videos"] == 24


def test_overlap_and_recall_by_hand() -> None:
    line = np.array([[1, 0], [0.9, 0.1], [0, 1], [0.1, 0.9]], np.float32)
    swapped = line[[0, 2, 1, 3]]
    assert compute_overlap(line, line, 1) == 1
    assert compute_overlap(line, swapped, 1) == 0
    assert compute_recall(line, line, 1) == 0.5  # the two that are not of length 1 are beaten
    assert compute_recall(line, line, 2) == 1
