"""What the context transformer learns from: clips with features, and their references."""

from data.batches import iter_batches
from data.errors import UserError
from data.shards.lists import list_done
from data.shards.receipts import read_receipt
from data.shards.stages import Stage, read_spec_record
from data.specs.train_motion import TrainContextSpec
from data.workspace import Workspace
from engines.embed.weights import digest_file
from engines.generate.motionrag.release import MOTION, list_checkpoints, release_folder
from engines.train.motion_context import ContextExamples
from tasks.motion.stage import locate_features
from tasks.retrieve.choose import open_retriever
from tasks.retrieve.own_videos import find_spans_beside
from tasks.retrieve.retriever import Retriever

QUERIES = 256  # clips whose references are searched together


def require_patches_by(workspace: Workspace, stage: Stage, release: str) -> None:
    """A UserError where features are of another release's motion resampler, or lack patches.

    Of any sizes that fit, the transformer would learn motions that the adapters do not know.
    """
    record = read_spec_record(workspace.store, stage)
    files = {file.stem: file for file in list_checkpoints(release_folder(release))}
    again = f"run `reelflow motion-features {stage.corpus} --motion {release} --patches`"
    if record["inputs"][0] != digest_file(str(files[MOTION])):
        raise UserError(
            f"the motion features of {stage.corpus} are of another release than {release}: {again}"
        )
    if not record["spec"].get("patches"):
        raise UserError(f"the motion features of {stage.corpus} have no patches: {again}")


def find_examples(workspace: Workspace, stage: Stage, spec: TrainContextSpec) -> ContextExamples:
    """The clips that have features, each with the clips that retrieval finds for it.

    Withdrawn clips are neither learned nor learned from.
    """
    retriever = open_retriever(workspace, stage.corpus, spec.retrieve.by)
    if not isinstance(retriever, Retriever):
        raise UserError("clips are retrieved by caption, index or motion for training")
    contents = _list_described(workspace, stage, retriever)
    number = {content: row for row, content in enumerate(contents.values())}
    references: list[list[int]] = [[] for _ in number]
    # A clip is its own query here, and never finds itself.
    plain = spec.retrieve.model_copy(update={"own": None})
    for some in iter_batches(contents, QUERIES):
        beside = find_spans_beside(workspace, stage.corpus, some)
        more = max(map(len, beside.values()), default=0)
        hits = retriever.search_videos(some, plain.model_copy(update={"k": plain.k + more}))
        found = workspace.find_contents(stage.corpus, list({hit.video_id for hit in hits}))
        for hit in hits:
            content = found.get(hit.video_id, "")
            kept = references[number[contents[hit.prompt_id]]]
            # What is cut from the same film, seconds later, is no example of another's motion.
            cut = content in beside.get(hit.prompt_id, ())
            if content in number and not cut and len(kept) < plain.k:
                kept.append(number[content])
    return ContextExamples(
        list(number), references, locate_features(workspace, stage, list(number))
    )


def _list_described(workspace: Workspace, stage: Stage, retriever: Retriever) -> dict[str, str]:
    """The contents, by id, that have features, may be shown, and are searched by the retriever."""
    described: dict[str, None] = {}
    for shard in list_done(workspace.store, stage.folder):
        rows = read_receipt(workspace.store, stage.folder, shard).done
        described |= dict.fromkeys(row["content"] for row in rows)
    known = set(retriever.contents.tolist())
    # By what videos are now: a file may have changed since it was described.
    shown = workspace.find_by_content(stage.corpus, [each for each in described if each in known])
    return {shown[content][0]: content for content in described if content in shown}
