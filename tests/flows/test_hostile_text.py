"""Ids, captions and paths from elsewhere reach terminal and pages as text, and nothing else."""

from pathlib import Path

import pytest
from support.corpora import FAKE, table

from data.specs.pipeline import IndexSpec, RetrieveSpec
from flows.embed import embed
from flows.index import index
from flows.ingest import ingest
from flows.pool import pool
from flows.retrieve import retrieve

pytestmark = pytest.mark.usefixtures("plain_flows")

CLEAR, LINK, TURN = "\x1b[2J", "\x1b]8;;http://evil/\x07here\x1b]8;;\x07", "\u202egpj.exe"
MARKUP = "[link=http://evil/]here[/link][red]"
UNSAFE = ("\x1b", "\x07", "\u202e", "\x9b", "\u200b")


def test_search_failures_and_pages_show_what_is_hostile(
    workspace, clips: Path, reelflow, tmp_path: Path
) -> None:
    rows = [
        {"videoID": f"good{CLEAR}{MARKUP}", "videoLoc": "clip-0.mp4", "txt": f"a {LINK}\x9b31m"},
        {"videoID": f"bad{TURN}", "videoLoc": f"no{CLEAR}\u200b.mp4", "txt": "<script>x</script>"},
        {"videoID": "other", "videoLoc": "clip-1.mp4", "txt": "b"},
    ]
    ingest(table(clips, rows), "c")
    embed("c", FAKE)
    pool("c")
    index("c", IndexSpec(engine="flat", gate=0.0))
    search = ("search", "c", "a cat", "-k", "2")
    for words in (search, (*search, "--json"), ("failures", "c"), ("failures", "c", "--json")):
        code, told, _ = reelflow(*words)
        assert code == 0 and not any(each in told for each in UNSAFE), words
        assert "x1b" in told or "u001b" in told
    assert "[link=http://evil/]" in reelflow("search", "c", "a cat", "-k", "2")[1]
    (tmp_path / "prompts.txt").write_text("a cat\n")
    page = tmp_path / "page.html"
    retrieve("c", str(tmp_path / "prompts.txt"), str(tmp_path / "hits.parquet"), RetrieveSpec(k=2),
             str(page))  # fmt: skip
    html = page.read_text()
    assert not any(each in html for each in UNSAFE) and "\\x1b[2J" in html
    assert "Content-Security-Policy" in html and "default-src &#39;none&#39;" in html
