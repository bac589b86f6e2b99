"""How texts become vectors that can be compared with a question's."""

from data.specs.base import Spec


class EncodeSpec(Spec):
    """The sentence encoder of a corpus's texts."""

    encoder: str = "sentences"
    """Text encoder: sentences (Universal Sentence Encoder, whose package has its weights),
    transformers, for a folder or name of one such as facebook/contriever, or clip, a text tower."""
    weights: str | None = None
    """Folder or published name of a transformers or sentence-transformers model; for clip,
    MODEL:WEIGHTS of open_clip, and those that the corpus was embedded by if left out."""


class CaptionSpec(Spec):
    """Which captions become vectors, to retrieve clips by what their captions mean."""

    column: str | None = None
    """Column of the corpus with the captions, such as motion_caption; its caption if left out."""
    encode: EncodeSpec = EncodeSpec()
    """The sentence encoder of the captions."""
