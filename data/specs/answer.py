"""The answer stage's spec: all that changes an answer, beside the questions and the texts."""

from typing import Literal

from pydantic import Field

from data.specs.base import Spec
from data.specs.encode import EncodeSpec

TextUse = Literal["none", "all", "retrieved", "shuffled"]


class AnswerSpec(Spec):
    """How questions are answered: by which model, from which texts and frames."""

    model: str = "similarity"
    """Model: openai (a server), transformers (a folder), fake, or similarity, which is no language
    model: it takes the option whose words lie nearest to the texts found."""
    weights: str | None = None
    """Folder or published name of the model; for openai, the name that the server knows it by."""
    texts: TextUse = "retrieved"
    """Texts given with a question: none, all, those retrieved for it, or shuffled: those of another
    video, as a control."""
    kinds: tuple[str, ...] = ("speech", "screen")
    """Kinds of text to use, of those that the corpus has; once for each."""
    rule: Literal["best", "published"] = "best"
    """How texts are retrieved: the best within a number and a budget of tokens, or as published:
    all above a threshold."""
    threshold: float | None = Field(None, ge=-1, le=1)
    """Drop texts of a lower cosine with the question; if left out, none (0.3 for published)."""
    top: int = Field(8, ge=1)
    """Most texts of a question."""
    budget: int = Field(2000, ge=1)
    """Most tokens of a question's texts, about; one text is always kept."""
    frames: int = Field(32, ge=0)
    """Frames that the model sees; 0 for none."""
    sampling: Literal["uniform", "keyframe", "moment"] = "uniform"
    """Frames in equal parts of the video, those most like the question by the corpus's frame
    vectors, or those nearest to the texts retrieved."""
    side: int = Field(448, ge=16)
    """Longer side of a frame as the model sees it, in pixels."""
    detector: str | None = None
    """Folder or published name of an OWLv2 or a Grounding DINO, which looks for the things that
    requests name; none are looked for if left out."""
    keyframes: int = Field(8, ge=1)
    """Most frames in which a question's things are looked for."""
    rounds: Literal[1, 2] = 1
    """Requests before the answer: with 2, the model sees the first texts and may ask once more."""
    request_tokens: int = Field(512, ge=1)
    """Most tokens of a request."""
    answer_tokens: int = Field(16, ge=1)
    """Most tokens of an answer that is an option's letter; free text may have 16 times as many."""
    encode: EncodeSpec = EncodeSpec()
    """Encoder of questions and texts, where texts have no vectors of it yet."""
