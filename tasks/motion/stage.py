"""Finds and registers the stage of motion features."""

from data.catalog.database import load_sql
from data.errors import UserError
from data.shards.stages import (
    MOTION_FEATURES,
    Stage,
    current_stage,
    read_spec_record,
    register_stage,
    spec_in_use,
)
from data.specs.motion import MotionFeaturesSpec
from data.specs.pipeline import GenerateSpec
from data.store.motion_features import StoredFeatures
from data.workspace import Workspace
from engines.generate.motionrag import features
from engines.generate.motionrag.window import suit_features
from tasks.progress import notify
from tasks.withdrawn import read_withdrawn


def choose_feature_spec(
    workspace: Workspace, corpus: str, given: MotionFeaturesSpec | None
) -> MotionFeaturesSpec:
    """The given spec, else the one that the corpus has features by; a UserError without either.

    Of the given one, fields that nobody set are those that its release was trained on.
    """
    none = MotionFeaturesSpec(controller="")
    spec = given or spec_in_use(workspace.store, corpus, MOTION_FEATURES, none)
    if not spec.controller:
        raise UserError(
            f"which release describes the motion of {corpus} is not known: name its folder, as in"
            f" `reelflow motion-features {corpus} --motion FOLDER`"
        )
    if given is None:
        return spec
    return suit_features(spec.controller, **given.model_dump(exclude_unset=True))


def register_features(workspace: Workspace, corpus: str, spec: MotionFeaturesSpec) -> Stage:
    """Registers the stage; a UserError where the release or an encoder is missing."""
    inputs = features.digest_inputs(spec)
    return register_stage(workspace.store, corpus, MOTION_FEATURES, spec, features.VERSION, *inputs)


def require_features(workspace: Workspace, corpus: str) -> Stage:
    """The corpus's motion features; a UserError where it has none."""
    stage = current_stage(workspace.store, corpus, MOTION_FEATURES)
    if stage is None:
        choose_feature_spec(workspace, corpus, None)
    assert stage is not None
    return stage


def find_features(workspace: Workspace, corpus: str, spec: GenerateSpec) -> Stage | None:
    """The features that a run of generation takes; None where its clips are decoded instead.

    Those of another release or encoder are of no use: a notice says so.
    """
    takes = spec.engine == "motionrag" and spec.controller and spec.retrieve.k
    stage = current_stage(workspace.store, corpus, MOTION_FEATURES) if takes else None
    # A moment is not the window that was described, nor is one played backwards, and a file of
    # one's own has no features.
    decoded = spec.retrieve.moments or spec.motion.backwards or spec.motion.takes_one
    if stage is None or decoded:
        return None
    wanted = MotionFeaturesSpec(
        controller=spec.controller or "", video_encoder=spec.motion.video_encoder,
        image_encoder=spec.motion.image_encoder,
    )  # fmt: skip
    # By content: the same release under another path describes clips the same.
    record = read_spec_record(workspace.store, stage)
    if tuple(record["inputs"]) != features.digest_inputs(wanted):
        notify(
            f"clips are decoded: the motion features of {corpus} are of another release or encoder;"
            f" `reelflow motion-features {corpus} --motion {spec.controller}` makes new ones"
        )
        return None
    return stage


def locate_features(workspace: Workspace, stage: Stage, contents: list[str]) -> StoredFeatures:
    """Where the features of these contents are stored; a withdrawn one has none."""
    with workspace.open_synced_catalog(stage.corpus) as catalog:
        rows = catalog.execute(
            load_sql("output_locations"), corpus=stage.corpus, stage=stage.kind,
            fingerprint=stage.fingerprint, contents=contents,
        )  # fmt: skip
    withdrawn = read_withdrawn(workspace, stage.corpus)
    shards = {
        content: (shard, id) for content, shard, id in sorted(rows) if content not in withdrawn
    }
    return StoredFeatures(workspace.store, stage.folder, shards)
