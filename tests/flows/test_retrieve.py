from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.corpora import FAKE

from data.errors import UserError
from data.records import Prompt
from data.specs.pipeline import RetrieveSpec
from data.store import tables
from flows.pipeline import pipeline
from flows.retrieve import retrieve
from tasks.retrieve.retriever import Retriever

pytestmark = pytest.mark.usefixtures("plain_flows")


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    path = tmp_path / "prompts.txt"
    path.write_text("a red circle\na blue star\n")
    return path


@pytest.mark.usefixtures("prefect_backend")
def test_hits_are_a_table_with_one_schema(workspace, prompts: Path, tmp_path: Path) -> None:
    pipeline("c", "fake://20", embed_spec=FAKE)
    for exact in (False, True):
        out = tmp_path / f"hits-{exact}.parquet"
        made = retrieve("c", str(prompts), str(out), RetrieveSpec(exact=exact))
        table = pq.read_table(out)
        assert table.schema.equals(tables.HITS)
        assert made["hits"] == len(table) == 10
        assert table["prompt_id"].to_pylist() == ["000"] * 5 + ["001"] * 5
        assert table["rank"].to_pylist() == [1, 2, 3, 4, 5] * 2
        assert all(uri.startswith("fake://") for uri in table["uri"].to_pylist())


def test_a_shortage_is_reported_by_prompt(workspace, prompts: Path, tmp_path: Path) -> None:
    pipeline("c", "fake://3", embed_spec=FAKE)
    made = retrieve("c", str(prompts), str(tmp_path / "h.parquet"), RetrieveSpec(k=5, dedup=1.01))
    assert made["short"] == {"000": 2, "001": 2}


def test_prompts_come_from_a_table_under_their_own_ids(workspace, tmp_path: Path) -> None:
    pipeline("c", "fake://20", embed_spec=FAKE)
    source, out = tmp_path / "p.parquet", tmp_path / "h.parquet"
    pq.write_table(pa.table({"videoID": ["x/1"], "txt": ["a red circle"]}), source)
    retrieve("c", str(source), str(out))
    assert set(pq.read_table(out)["prompt_id"].to_pylist()) == {"x/1"}


@pytest.mark.parametrize("text", ["", " \n"])
def test_a_file_without_prompts_is_refused(workspace, tmp_path: Path, text: str) -> None:
    pipeline("c", "fake://3", embed_spec=FAKE)
    path = tmp_path / "prompts.txt"
    path.write_text(text)
    with pytest.raises(UserError, match="no prompts"):
        retrieve("c", str(path), str(tmp_path / "h.parquet"))
    assert not (tmp_path / "h.parquet").exists()


def test_a_prompt_without_text_is_refused(workspace) -> None:
    pipeline("c", "fake://3", embed_spec=FAKE)
    for text in ("", "  \n"):
        with pytest.raises(UserError, match="no text in prompt 7"):
            Retriever(workspace, "c").search_prompts([Prompt("7", text)], RetrieveSpec())


def test_a_condition_that_no_video_meets_is_named(workspace, prompts: Path, tmp_path: Path) -> None:
    pipeline("c", "fake://3", embed_spec=FAKE)
    out = tmp_path / "h.parquet"
    nothing = retrieve("c", str(prompts), str(out), RetrieveSpec(where="fps > 1000"))
    assert nothing["hits"] == 0 and nothing["unmatched"] == ["fps > 1000"]
    some = retrieve("c", str(prompts), str(out), RetrieveSpec(where="fps > 1"))
    assert some["hits"] and "unmatched" not in some
