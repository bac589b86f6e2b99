"""Values of the query are those of the column's own type, however they are written."""

from pathlib import Path

import pytest
from support.corpora import table

from data.errors import UserError
from data.records import Prompt, Query
from data.specs.retrieve import RetrieveSpec
from data.workspace import Workspace
from flows.ingest import ingest
from tasks.retrieve.own_videos import list_own_contents
from tasks.retrieve.same_source import exclude_same

ROWS = [
    {"clear": True, "take": 1, "score": 1, "film": "o'hara", "parts": [1, 2]},
    {"clear": True, "take": 1, "score": 1.0, "film": "o'hara", "parts": [1, 2]},
    {"clear": False, "take": 2, "score": 1.5, "film": "True", "parts": [1]},
    {"clear": None, "take": None, "score": None, "film": None, "parts": None},
]


@pytest.fixture
def corpus(workspace: Workspace, plain_flows: None, tmp_path: Path) -> Workspace:
    named = [{"videoID": f"v{n}", "videoLoc": f"fake://{n}", "txt": "a film"} | row
             for n, row in enumerate(ROWS)]  # fmt: skip
    ingest(table(tmp_path, named), "c")
    return workspace


def select(workspace: Workspace, query: Query) -> set[str]:
    with workspace.select_videos("c", [query.where or "true"]) as videos:
        return {id for (id,) in videos.project("id").fetchall()}


@pytest.mark.parametrize("column", ["clear", "take", "score", "film", "parts", "CLEAR"])
def test_a_video_is_kept_apart_from_those_with_its_value(corpus: Workspace, column: str) -> None:
    [query] = exclude_same(corpus, "c", [Query("q", "v0", video="v0")], column)
    assert select(corpus, query) == {"v2", "v3"}
    [query] = exclude_same(corpus, "c", [Query("q", "v3", "id <> 'v1'", video="v3")], column)
    assert select(corpus, query) == {"v0", "v2", "v3"}, "it has none"


@pytest.mark.parametrize(("column", "others"), [("width", set()), ("id", {"v1", "v2", "v3"})])
def test_the_catalogues_own_columns_keep_apart_as_well(
    corpus: Workspace, column: str, others: set[str]
) -> None:
    [query] = exclude_same(corpus, "c", [Query("q", "v0", video="v0")], column)
    assert select(corpus, query) == others, "all fakes have one width"


@pytest.mark.parametrize(
    ("column", "same"), [("clear", "v1"), ("height", "v1 v2 v3"), ("parts", "v1")]
)
def test_a_prompts_own_video_keeps_out_what_has_its_value(
    corpus: Workspace, column: str, same: str
) -> None:
    spec = RetrieveSpec(own="of", not_from_same=column)
    prompt = Prompt("0", "any", columns={"of": "v0"})
    contents = corpus.find_contents("c", ["v0", *same.split()])
    assert list_own_contents(corpus, "c", [prompt], spec) == [frozenset(contents.values())]
    with pytest.raises(UserError, match="none"):
        list_own_contents(corpus, "c", [prompt], RetrieveSpec(own="of", not_from_same="none"))


@pytest.mark.parametrize(
    ("column", "values"),
    [("clear", ["True", "true", "1"]), ("take", ["1", "1.0"]), ("score", ["1", "1.00"]),
     ("film", ["o'hara"])],
)  # fmt: skip
def test_a_prompt_may_write_a_value_as_it_likes(
    corpus: Workspace, column: str, values: list[str]
) -> None:
    prompts = [Prompt(str(n), "any", columns={column: each}) for n, each in enumerate(values)]
    queries = [Query(prompt.id, prompt.text) for prompt in prompts]
    for query in exclude_same(corpus, "c", queries, column, prompts):
        assert select(corpus, query) == {"v2", "v3"}


def test_a_value_of_another_type_is_nobodys_and_a_column_that_is_not_there_an_error(
    corpus: Workspace,
) -> None:
    prompt = Prompt("0", "any", columns={"take": "second", "none": "x"})
    [query] = exclude_same(corpus, "c", [Query("0", "any")], "take", [prompt])
    assert select(corpus, query) == {"v0", "v1", "v2", "v3"}
    with pytest.raises(UserError, match="none"):
        exclude_same(corpus, "c", [Query("0", "any")], "none", [prompt])
