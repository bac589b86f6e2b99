import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import UserError
from data.ids import check_corpus_name, decode_file_name, file_name

NASTY = [
    "",
    ".",
    "..",
    "../../etc/passwd",
    "a/b",
    "a\\b",
    "a b",
    "😀" * 75,
    "x" * 300,
    "\x00",
    "~",
    "%",
]


@pytest.mark.parametrize("id", NASTY)
def test_a_file_name_is_one_plain_name_within_every_limit(id: str) -> None:
    name = file_name(id)
    assert 0 < len(name.encode()) <= 180
    assert not set(name) & set("/\\.\x00 ")


@pytest.mark.slow
@given(st.text(max_size=14))
def test_short_ids_come_back_from_their_file_names(id: str) -> None:
    assert decode_file_name(file_name(id)) == id


@given(st.lists(st.text(max_size=400), unique=True, max_size=20))
def test_distinct_ids_have_distinct_file_names(ids: list[str]) -> None:
    assert len({file_name(id) for id in ids}) == len(ids)


def test_a_short_id_that_looks_like_a_hashed_name_does_not_collide_with_it() -> None:
    hashed = file_name("x" * 300)
    assert file_name(hashed) != hashed


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "a b", "x" * 65, "a..b"])
def test_a_corpus_cannot_be_named_like_a_path(name: str) -> None:
    with pytest.raises(UserError, match="corpus name"):
        check_corpus_name(name)
