"""The panel "Within videos": how clips move and what their captions say of it."""

from data.specs.encode import CaptionSpec
from data.specs.motion import MotionFeaturesSpec
from flows.cli.app import open_panel
from flows.cli.console import run_flow
from flows.cli.options import AsJson, Corpus, Root, Runner, Workers
from flows.cli.spec_options import Fields, SpecOptions, add_options, build_spec, option

FEATURES = SpecOptions(
    MotionFeaturesSpec(controller=""), option("controller", "--motion"), "frames", "fps", "side",
    "video_encoder", "image_encoder", option("patches", "--patches"),
)  # fmt: skip

CAPTIONS = SpecOptions(
    CaptionSpec(), option("column", "--column"), option("encode.encoder", "--encoder"),
    option("encode.weights", "--encoder-weights"),
)  # fmt: skip

command = open_panel("Within videos")


@command("motion-features")
@add_options(fields=FEATURES)
def motion_features(
    corpus: Corpus, fields: Fields, as_json: AsJson = False, workers: Workers = None,
    runner: Runner = None, root: Root = None,
) -> None:  # fmt: skip
    """Describe how clips move, once each; `generate --generator motionrag` then decodes none.

    Without options, clips are described as those that the corpus has.
    """
    from flows.motion_features import motion_features as flow

    spec = build_spec(MotionFeaturesSpec(controller=""), fields) if fields else None
    run_flow(flow, corpus, spec, as_json=as_json)


@command("caption-vectors")
@add_options(fields=CAPTIONS)
def caption_vectors(
    corpus: Corpus, fields: Fields, as_json: AsJson = False, workers: Workers = None,
    runner: Runner = None, root: Root = None,
) -> None:  # fmt: skip
    """Encode captions, once each, so that clips are retrieved by caption with --by caption.

    Without options, captions are encoded as those that the corpus has.
    """
    from flows.caption_vectors import caption_vectors as flow

    spec = build_spec(CaptionSpec(), fields) if fields else None
    run_flow(flow, corpus, spec, as_json=as_json)
