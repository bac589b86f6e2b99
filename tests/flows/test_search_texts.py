"""Search in texts: once annotated, moments are found by words and by meaning."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from data.errors import UserError
from data.records import Prompt
from data.shards.stages import current_stage
from data.specs.retrieve import RetrieveSpec
from data.store import layout
from data.store.texts import Annotation, Text
from engines.annotate.annotators import fake
from engines.retrieve.encoders import sentences
from flows.annotate import annotate
from flows.ingest import ingest
from flows.retrieve import retrieve
from flows.withdraw import withdraw
from tasks.retrieve import texts
from tasks.retrieve.texts import TextSearcher

SAID = ("the ship left the harbour at noon", "a recipe for apple pie", "the telescope is in space",
        "rain is expected in the north", "")  # fmt: skip


@pytest.fixture(scope="module")
def corpus(shared_workspace, plain_flows):
    """Five fake videos that say different things, annotated once."""
    texts = iter(SAID)

    def finish(self) -> Annotation:
        said = next(texts)
        found = (Text(3.0, 9.0, said, 0.9),) if said else ()
        return Annotation(found, "text" if said else "no speech")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fake._Reader, "finish", finish)
        ingest("fake://5", "c")
        annotate("c", ["fake"])
    return shared_workspace


pytestmark = pytest.mark.usefixtures("plain_flows")


@pytest.mark.parametrize(
    ("query", "text"),
    [("HARBOUR", SAID[0]), ("baking a cake with fruit", SAID[1]), ("telescope?", SAID[2]),
     ("weather forecast", SAID[3])],
)  # fmt: skip
def test_a_moment_is_found_by_its_words_and_by_its_meaning(corpus, query, text) -> None:
    hits = TextSearcher(corpus, "c", ["fake"]).search(query, 2)
    assert (hits[0].text, hits[0].start_sec, hits[0].end_sec, hits[0].rank) == (text, 3.0, 9.0, 1)
    assert hits[0].kind == "fake" and hits[0].uri.startswith("fake://") and hits[0].meaning > 0


def test_texts_are_encoded_once_and_never_for_a_question(corpus, monkeypatch) -> None:
    asked: list[list[str]] = []
    encode = sentences.Encoder.encode
    monkeypatch.setattr(
        sentences.Encoder,
        "encode",
        lambda self, texts: asked.append([*texts]) or encode(self, texts),
    )
    searcher = TextSearcher(corpus, "c", None)
    searcher.search("harbour", 1)
    assert asked == [["harbour"]]
    annotate("c", ["fake"])
    assert len(asked) == 1


def test_vectors_of_other_weights_than_the_encoder_has_now_are_not_compared(
    corpus, monkeypatch
) -> None:
    monkeypatch.setattr(sentences, "digest", lambda spec: "of other weights")
    with pytest.raises(UserError, match=r"has changed.*`reelflow annotate c --with fake`"):
        TextSearcher(corpus, "c", ["fake"]).search("harbour", 1)


def test_what_cannot_be_searched_is_said(corpus) -> None:
    with pytest.raises(UserError, match="--with speech"):
        TextSearcher(corpus, "c", ["speech"])
    with pytest.raises(UserError, match="no text"):
        TextSearcher(corpus, "c", ["fake"]).search(" ", 3)


def test_texts_without_vectors_are_found_by_words_and_counted(corpus) -> None:
    stage = current_stage(corpus.store, "c", "encode-fake")
    name = layout.receipt_file(stage.folder, "000000")
    receipt = corpus.store.read(name)
    corpus.store.delete(name)
    searcher = TextSearcher(corpus, "c", ["fake"])
    assert searcher.unencoded == 4
    assert searcher.search("harbour", 3)[0].text == SAID[0]
    corpus.store.write(name, receipt)


@pytest.mark.parametrize("kind", ["annotate-fake", "encode-fake"])
def test_a_file_that_is_cut_off_is_named_and_what_is_left_is_searched(corpus, kind: str) -> None:
    stage = current_stage(corpus.store, "c", kind)
    name = layout.shard_file(stage.folder, "000000")
    whole = corpus.store.read(name)
    corpus.store.write(name, whole[: len(whole) // 2])
    try:
        if kind == "annotate-fake":  # the only shard: there is nothing else to search
            with pytest.raises(UserError, match="receipt"):
                TextSearcher(corpus, "c", ["fake"])
        else:
            searcher = TextSearcher(corpus, "c", ["fake"])
            assert list(searcher.unread) == [name] and searcher.unencoded == 4
            assert searcher.search("harbour", 3)[0].text == SAID[0]
    finally:
        corpus.store.write(name, whole)


def test_conditions_and_exclusions_hold_for_texts_too(corpus) -> None:
    searcher = TextSearcher(corpus, "c", ["fake"])
    first = searcher.search("harbour", 9)
    rest = searcher.search("harbour", 9, exclude=(first[0].video_id,))
    assert {h.video_id for h in rest} == {h.video_id for h in first[1:]}
    only = searcher.search("harbour", 9, wheres=(f"id = '{first[1].video_id}'",))
    assert [h.video_id for h in only] == [first[1].video_id]
    assert searcher.search("harbour", 9, wheres=("false",)) == []
    assert searcher.unmatched == ["false"]


def test_all_are_found_that_are_asked_for_and_a_condition_is_looked_up_once(
    corpus, monkeypatch
) -> None:
    monkeypatch.setattr(texts, "RANKED", 1)  # fewer than are asked for
    searcher = TextSearcher(corpus, "c", ["fake"])
    assert len(searcher.search("harbour", 4)) == 4
    prompts = [Prompt(str(n), "harbour") for n in range(3)]
    asked, select = [], searcher._select
    monkeypatch.setattr(
        TextSearcher, "_select", lambda self, *key: asked.append(key) or select(*key)
    )
    assert len(searcher.search_prompts(prompts, RetrieveSpec(k=2, where="true"))) == 6
    assert len(asked) == 1 and not searcher.shortages


def test_prompts_are_retrieved_from_texts_as_moments(corpus, tmp_path: Path) -> None:
    prompts, out = tmp_path / "p.txt", tmp_path / "hits.parquet"
    prompts.write_text("harbour\na telescope\n")
    summary = retrieve("c", str(prompts), str(out), RetrieveSpec(k=1), texts=["fake"])
    rows = pq.read_table(out).to_pylist()
    assert summary["hits"] == 2 and [row["start_sec"] for row in rows] == [3.0, 3.0]
    with pytest.raises(UserError, match="exclude"):
        retrieve("c", str(prompts), str(out), RetrieveSpec(mmr=0.5), texts=["fake"])


def test_the_command_prints_moments(corpus, monkeypatch, capfd) -> None:
    from flows.cli import main as command

    monkeypatch.setattr(command.atexit, "register", lambda *_: None)
    words = ["reelflow", "search", "c", "harbour", "--in", "fake", "--json", "-k", "1"]
    monkeypatch.setattr("sys.argv", words)
    with pytest.raises(SystemExit) as ended:
        command.main()
    [hit] = json.loads(capfd.readouterr().out)
    assert not ended.value.code and (hit["start_sec"], hit["end_sec"]) == (3.0, 9.0)


def test_a_withdrawn_video_is_found_no_more(corpus) -> None:
    hit = TextSearcher(corpus, "c", ["fake"]).search("harbour", 1)[0]
    withdraw(hit.video_id, "c")
    assert SAID[0] not in {h.text for h in TextSearcher(corpus, "c", ["fake"]).search("harbour", 9)}
