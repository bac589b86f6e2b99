"""Which model a corpus gets where nobody names one, and what people are told of it."""

from pathlib import Path

import pytest
from support.corpora import FAKE

from data.errors import UserError
from data.specs.models import REAL, REAL_WEIGHTS, SHAPES
from data.specs.pipeline import EmbedSpec, IndexSpec
from data.workspace import Workspace
from flows.embed import embed
from flows.generate import generate
from flows.ingest import ingest
from flows.pipeline import pipeline
from flows.train_controller import train_controller
from tasks.origins import describe_mismatch
from tasks.stages import choose_embed_spec, register_embed

pytestmark = pytest.mark.usefixtures("plain_flows")
FLAT = IndexSpec(engine="flat", gate=0)


@pytest.mark.usefixtures("no_hub")
@pytest.mark.parametrize(
    "spec", [None, EmbedSpec(every_nth=3), EmbedSpec(model=REAL)], ids=["none", "frames", "model"]
)
def test_footage_is_not_even_read_where_its_model_cannot_be_fetched(
    workspace: Workspace, clips: Path, spec: EmbedSpec | None
) -> None:
    with pytest.raises(UserError, match=f"{REAL} {REAL_WEIGHTS}") as refused:
        pipeline("c", str(clips), embed_spec=spec)
    assert all(way in str(refused.value) for way in ("--weights", "HF_ENDPOINT", "--engine tags"))
    assert not workspace.list_corpora(), "nothing was ingested"
    ingest(str(clips), "c")
    with pytest.raises(UserError, match="--engine tags"):
        embed("c", spec)
    assert not workspace.store.list_names("corpora/c/embed"), "no spec was registered"


def test_fakes_need_no_model_to_be_named(workspace: Workspace) -> None:
    assert pipeline("c", "fake://3", index_spec=FLAT)["embed"]["model"].startswith(SHAPES)


def test_frames_of_another_rate_stay_with_the_corpus_s_engine(workspace: Workspace) -> None:
    pipeline("c", "fake://2", embed_spec=FAKE, index_spec=FLAT)
    again = choose_embed_spec(workspace, "c", EmbedSpec(fps=2.0, every_nth=None))
    assert (again.engine, again.model, again.fps) == ("fake", SHAPES, 2.0)


def test_footage_embedded_by_the_model_of_shapes_is_warned_of(
    workspace: Workspace, clips: Path, reelflow
) -> None:
    spec = EmbedSpec(model=SHAPES, precision="fp32")
    pipeline("c", str(clips), embed_spec=spec, index_spec=FLAT)
    _, out, err = reelflow("search", "c", "a wave", "-k", "1")
    assert "warning" in err and "--engine tags" in err
    assert "warning" not in out, "which others may read"
    assert SHAPES in reelflow("status", "c")[1]
    for drawn in clips.glob("clip-*"):  # as the demo calls what it draws
        drawn.rename(clips / drawn.name.replace("clip-", "shapes-0-00000"))
    ingest(str(clips), "drawn")
    register_embed(workspace, "drawn", spec)
    assert describe_mismatch(workspace, "drawn") is None


def test_generating_from_other_clips_asks_for_a_model(workspace: Workspace, clips: Path) -> None:
    ingest(str(clips), "c")
    prompts = str(clips / "clip-0.txt")
    for refused in (
        lambda: generate("c", ["a wave"]),
        lambda: train_controller("c", str(clips / "out")),
        lambda: pipeline("new", str(clips), prompts=prompts, embed_spec=EmbedSpec(engine="tags")),
    ):
        with pytest.raises(UserError, match="--model") as error:
            refused()
        assert "diffusers" in str(error.value)
    assert workspace.list_corpora() == ["c"]
