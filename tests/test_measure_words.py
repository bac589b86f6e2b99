"""The measurement of words finds what is planted, and counts what it says it counts."""

from pathlib import Path

import measure_words
import pytest

CLEAN = '''\
"""A module."""


def read_rows() -> None:
    # Rows come first: a receipt without them would be believed.
    def _sort_rows() -> None: ...
    _sort_rows()


class Store:
    def __init__(self) -> None: ...

    def write_row(self) -> None: ...

    async def embed(self) -> None: ...




def close_store() -> None: ...




def open_store() -> None: ...
'''


def planted(root: Path, *more: str) -> Path:
    """Four folders, in one of which the module stands with lines added at its end."""
    for layer in measure_words.LAYERS:
        (root / layer).mkdir()
    (root / "engines" / "store.py").write_text(CLEAN + "\n".join(more) + "\n" * bool(more))
    return root


def test_a_clean_tree_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    total = measure_words.measure(planted(tmp_path))
    assert (total.functions, total.lines, total.comments) == (6, CLEAN.count("\n"), 1)
    assert total.one_word == ["engines/store.py:15 embed"]
    assert measure_words.main(root=tmp_path) == 0
    assert "missed" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("figure", "lines"),
    [
        ("bare participles", ["def _kept(): ..."]),
        ("bare participles", ["class Bank:", "    @property", "    def found(self): ..."]),
        ("bare participles", ["async def _asked_(): ..."]),
        ("one-word function names", [f"def {word}(): ..." for word in ("go", "_end", "tell")]),
        ("comments", ["x = 0"] * 30),
        ("comments", ["x = 0  # noqa: E501"] * 30),
        ("comments", ["x = 0  # filler"] * 5),
    ],
)
def test_what_is_planted_is_found(
    figure: str, lines: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = planted(tmp_path, *lines)
    assert measure_words.main(root=root) == 1
    said = capsys.readouterr().out
    assert [line.partition(":")[0] for line in said.splitlines() if "missed" in line] == [figure]


@pytest.mark.parametrize("word", ["kept", "said", "embedded", "checked", "withdrawn", "written"])
def test_participles(word: str) -> None:
    assert measure_words.is_participle(word)


@pytest.mark.parametrize(
    "word", ["embed", "feed", "seed", "need", "speed", "read", "put", "split", "set", "run", "open"]
)
def test_verbs_and_nouns_are_none(word: str) -> None:
    assert not measure_words.is_participle(word)
