"""Captions and texts by the text tower of the model that embedded the corpus."""

import pytest

from data.errors import UserError
from data.records import Prompt
from data.shards.stages import current_stage, read_spec
from data.specs.encode import CaptionSpec, EncodeSpec
from data.specs.pipeline import EmbedSpec
from data.specs.retrieve import RetrieveSpec
from engines import bundled
from flows.annotate import annotate
from flows.caption_vectors import caption_vectors
from flows.embed import embed
from flows.ingest import ingest
from tasks.captions.stage import require_captions
from tasks.retrieve.stored import CaptionRetriever

pytestmark = pytest.mark.usefixtures("plain_flows")

CLIP = EncodeSpec(encoder="clip")


def test_captions_and_texts_lie_where_the_model_puts_words(workspace, clips) -> None:
    ingest(str(clips), "shown")
    with pytest.raises(UserError, match="embedded"):  # by nothing yet
        caption_vectors("shown", CaptionSpec(encode=CLIP))
    embed("shown", EmbedSpec(model=bundled.NAME))
    caption_vectors("shown", CaptionSpec(encode=CLIP))
    assert require_captions(workspace, "shown")[1].encode.weights == bundled.NAME
    spec = RetrieveSpec(k=2, by="caption", dedup=1.01, ceiling=1.01)
    hits = CaptionRetriever(workspace, "shown").search_prompts([Prompt("p", "stripes")], spec)
    assert [hit.rank for hit in hits] == [1, 2]
    annotate("shown", ["fake"], encode=CLIP)
    encoded = current_stage(workspace.store, "shown", "encode-fake")
    assert read_spec(workspace.store, encoded, EncodeSpec).weights == bundled.NAME
