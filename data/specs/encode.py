"""How texts become vectors that can be compared with a question's."""

from data.specs.base import Spec


class EncodeSpec(Spec):
    """The sentence encoder of a corpus's texts."""

    encoder: str = "sentences"
    """Text encoder: sentences (Universal Sentence Encoder, whose package has its weights), or
    transformers, for a folder or name of one such as facebook/contriever."""
    weights: str | None = None
    """Folder or published name of a transformers or sentence-transformers model."""
