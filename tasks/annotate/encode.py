"""Encodes the texts that an annotator has found, shard by shard."""

from functools import partial

from data.outcome import Done
from data.shards.lists import exclude_done, list_done
from data.shards.stages import (
    ANNOTATE,
    Stage,
    current_stage,
    read_spec,
    read_spec_record,
    register_stage,
    spec_in_use,
)
from data.specs.encode import EncodeSpec
from data.workspace import Workspace
from engines.annotate.encoding import ShardToEncode, TextEncoder
from engines.base import load_plugin
from engines.runners.in_process import InProcessRunner
from tasks.progress import Progress, notify
from tasks.shard import log_receipt, run_items
from tasks.text_encoder import choose_encoder, require_same_encoder

ENCODE = "encode-"  # and the kind of texts, as in encode-speech


def find_encoded(workspace: Workspace, annotated: Stage) -> Stage | None:
    """The current vectors of these texts; None where they are of other texts."""
    kind = annotated.kind.replace(ANNOTATE, ENCODE, 1)
    stage = current_stage(workspace.store, annotated.corpus, kind)
    if stage is None:
        return None
    inputs = read_spec_record(workspace.store, stage)["inputs"]
    return stage if annotated.fingerprint in inputs else None


def read_encoder(workspace: Workspace, encoded: Stage) -> EncodeSpec:
    """The encoder of these vectors; a UserError where its weights have changed since."""
    spec = read_spec(workspace.store, encoded, EncodeSpec)
    kind = encoded.kind.removeprefix(ENCODE)
    again = f"reelflow annotate {encoded.corpus} --with {kind}"
    require_same_encoder(workspace, encoded, spec, again)
    return spec


def find_encoder(
    workspace: Workspace, corpus: str, kind: str, spec: EncodeSpec | None
) -> tuple[EncodeSpec, str]:
    """The encoder of a kind of texts, as before where none is given, and its digest.

    A UserError where it is missing.
    """
    spec = spec or spec_in_use(workspace.store, corpus, f"{ENCODE}{kind}", EncodeSpec())
    spec = choose_encoder(workspace, corpus, spec)
    return spec, load_plugin("retrieve.encoders", spec.encoder).digest(spec)


def encode_texts(workspace: Workspace, annotated: Stage, spec: EncodeSpec | None) -> int:
    """Encodes the shards that have texts and no vectors yet; how many those were.

    In this process: a thousand texts take seconds, and Ray as many to start.
    """
    kind = annotated.kind.removeprefix(ANNOTATE)
    spec, digest = find_encoder(workspace, annotated.corpus, kind, spec)
    plugin = load_plugin("retrieve.encoders", spec.encoder)
    stage = register_stage(
        workspace.store, annotated.corpus, f"{ENCODE}{kind}", spec, plugin.VERSION, digest,
        annotated.fingerprint,
    )  # fmt: skip
    done = list_done(workspace.store, stage.folder)
    missing = exclude_done(list_done(workspace.store, annotated.folder), done)
    make = partial(TextEncoder, workspace.store, annotated.folder, stage.folder, spec)
    shards, runner = [ShardToEncode(shard) for shard in missing], InProcessRunner()
    progress = Progress(stage.kind, len(shards), unit="shard")
    try:
        for _, outcome in run_items(runner, make, shards, 1, progress) if shards else ():
            if isinstance(outcome, Done):
                log_receipt(stage.kind, outcome.value)
            else:  # its texts are cut off: those of the others are encoded
                notify(outcome.detail)
    finally:
        runner.close()
    return len(shards)
