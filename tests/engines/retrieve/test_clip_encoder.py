"""CLIP's text tower as an encoder of captions."""

import numpy as np
import pytest

from data.errors import UserError
from data.specs.encode import EncodeSpec
from data.specs.pipeline import EmbedSpec
from engines import bundled
from engines.embed.models.open_clip import Embedder
from engines.retrieve.encoders import clip


def test_it_encodes_as_the_model_embeds_words() -> None:
    own = EmbedSpec(model=bundled.NAME, precision="fp32")
    spec = EncodeSpec(encoder="clip", weights=clip.name_weights(own))
    encoder, model = clip.Encoder(spec), Embedder(own)
    encoder.load()
    model.load()
    texts = ["a red circle moves to the left", "a blue square"]
    assert np.array_equal(encoder.encode(texts), model.embed_text(texts))
    assert clip.digest(spec) == clip.digest(EncodeSpec(encoder="clip", weights=bundled.NAME))


@pytest.mark.parametrize(
    "given",
    [{"model": "ViT-B-32"}, {"model": "ViT-B-32", "weights": "/a:b/c.pt"},
     {"model": "ViT-B-32", "weights": "openai", "activation": "quickgelu"}],
)  # fmt: skip
def test_the_model_of_the_videos_is_named_whole(given: dict[str, str]) -> None:
    spec = EmbedSpec.model_validate(given | {"precision": "fp32"})
    assert clip.to_embed_spec(EncodeSpec(weights=clip.name_weights(spec))) == spec


def test_what_names_no_model_is_refused() -> None:
    for weights in (None, "ViT-B-32:openai@relu"):
        with pytest.raises(UserError, match="MODEL:WEIGHTS"):
            clip.to_embed_spec(EncodeSpec(encoder="clip", weights=weights))
    with pytest.raises(UserError, match="tags"):
        clip.name_weights(EmbedSpec(engine="tags"))
