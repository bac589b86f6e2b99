"""The switches between the published evaluation and its mended form, as options."""

from typing import Annotated, Any, Literal

import typer


def _switch(flag: str, help: str, **how: Any) -> Any:
    return typer.Option(flag, help=help, rich_help_panel="Switches that change scores", **how)


Remainder = Annotated[
    Literal["all", "drop"] | None,
    _switch("--remainder", "drop: leave out the last N mod WORLD SIZE videos. [all]"),
]
WorldSize = Annotated[
    int | None, _switch("--world-size", "GPUs of the evaluation to be like. [1]", min=1)
]
FaceChannelOrder = Annotated[
    Literal["bgr", "rgb"] | None, _switch("--face-channel-order", "Of the face detector. [bgr]")
]
FaceHead = Annotated[
    Literal["aux", "main"] | None, _switch("--face-head", "Of the face detector. [aux]")
]
SubjectScope = Annotated[
    Literal["subjects+objects", "subjects"] | None,
    _switch("--subject-scope", "What counts as a subject. [subjects+objects]"),
]
ClipBox = Annotated[
    bool | None, _switch("--clip-box/--no-clip-box", "Cut boxes at the frame's edge. [no]")
]
FlowRegion = Annotated[
    Literal["padded", "unpadded"] | None, _switch("--flow-region", "Of optical flow. [padded]")
]
ClipDtype = Annotated[
    Literal["fp16", "fp32"] | None, _switch("--clip-dtype", "Of CLIP's weights. [fp16]")
]
Crop = Annotated[
    Literal["short", "long"] | None, _switch("--crop", "long: CLIP sees all, padded. [short]")
]
