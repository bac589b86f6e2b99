"""A question to a whole corpus: moments and texts of all its videos, and an answer that cites."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from data.errors import UserError
from data.outcome import Done
from data.records import Hit, Prompt, Video
from data.runs.answers import Evidence
from data.shards.stages import current_stage
from data.specs.answer import AnswerSpec
from data.specs.retrieve import RetrieveSpec
from data.workspace import Workspace
from engines.answer.citations import Claim, build_ask, read_claims
from engines.answer.plugins import load_model
from engines.answer.protocol import Prompt as ModelPrompt
from engines.answer.protocol import VideoModel
from engines.retrieve.fusion import OFFSET
from engines.video.frames import Sampling
from engines.video.guard.guard import Guard
from engines.video.resize import shrink
from tasks.annotate.stage import stage_kind
from tasks.answer.setup import build_answer_setup
from tasks.retrieve.retriever import Retriever
from tasks.retrieve.texts import TextSearcher

TOKENS = 400  # of an answer with its citations
FRAME = "frame"  # the kind of evidence that is a moment found by its pictures


@dataclass(frozen=True, slots=True)
class Found:
    """Evidence with where its video lies."""

    evidence: Evidence
    uri: str
    caption: str | None


@dataclass(frozen=True, slots=True)
class AskResult:
    """An answer with its claims, and the evidence by number from 1, best first.

    `reply` is None where no language model was asked: the ranked evidence is then the answer.
    """

    question: str
    model: str
    reply: str | None
    claims: tuple[Claim, ...]
    found: tuple[Found, ...]


def ask_corpus(
    workspace: Workspace, corpus: str, question: str, k: int, spec: AnswerSpec,
    open_retriever: Callable[[], Retriever],
) -> AskResult:  # fmt: skip
    """Finds the k best texts and the k best moments, and has a language model answer from them.

    A UserError where the corpus has neither texts nor an index, or the model gives no answer.
    """
    if not question.strip():
        raise UserError("there is no question: write what you want to know of the videos")
    found = _merge(
        _find_texts(workspace, corpus, question, k, spec),
        _find_moments(workspace, corpus, question, k, open_retriever),
    )
    plugin = load_model(spec.model)
    if "closeness" in plugin.CAPABILITIES or not found:
        return AskResult(question, spec.model, None, (), found)
    plugin.digest(spec)  # a UserError where weights or a server are missing
    reply = _generate(workspace, plugin.Model(spec), question, found, spec)
    return AskResult(question, spec.model, reply, read_claims(reply, len(found)), found)


def _find_texts(
    workspace: Workspace, corpus: str, question: str, k: int, spec: AnswerSpec
) -> list[Found]:
    store = workspace.store
    workspace.check_corpus(corpus)
    kinds = [kind for kind in spec.kinds if current_stage(store, corpus, stage_kind(kind))]
    has_index = current_stage(store, corpus, "index") is not None
    if not kinds and has_index:
        return []
    searcher = TextSearcher(workspace, corpus, kinds or list(spec.kinds))
    return [
        Found(
            Evidence(hit.kind, hit.start_sec, hit.end_sec, hit.text, hit.meaning, hit.video_id),
            hit.uri, hit.caption,
        )
        for hit in searcher.search(question, k)
    ]  # fmt: skip


def _find_moments(
    workspace: Workspace, corpus: str, question: str, k: int,
    open_retriever: Callable[[], Retriever],
) -> list[Found]:  # fmt: skip
    """Moments whose pictures are like the question; none where the corpus has no index."""
    if current_stage(workspace.store, corpus, "index") is None:
        return []
    spec = RetrieveSpec(k=k, moments=True)
    hits = open_retriever().search_prompts([Prompt("0", question)], spec)
    return [Found(_to_evidence(hit), hit.uri, hit.caption) for hit in hits]


def _to_evidence(hit: Hit) -> Evidence:
    start = hit.start_sec or 0.0
    end = start if hit.end_sec is None else hit.end_sec
    return Evidence(FRAME, start, end, hit.caption or "", hit.score, hit.video_id)


def _merge(*rankings: Sequence[Found]) -> tuple[Found, ...]:
    """Rankings as one, by reciprocal rank: scores of texts and of pictures do not compare."""
    ranked = [
        (1 / (OFFSET + rank), -number, found)
        for number, ranking in enumerate(rankings)
        for rank, found in enumerate(ranking, start=1)
    ]
    return tuple(found for *_, found in sorted(ranked, key=lambda each: each[:2], reverse=True))


def _generate(
    workspace: Workspace, model: VideoModel, question: str, found: Sequence[Found],
    spec: AnswerSpec,
) -> str:  # fmt: skip
    setup = build_answer_setup(workspace.settings)
    with Guard.for_worker(setup) as guard:
        shown = _decode_moments(guard, found, spec)
    blocks = build_ask(question, [each.evidence for each in found], list(shown))
    frames = np.stack(list(shown.values())) if shown else None
    model.load(setup)
    try:
        # Without times: frames of several videos are pictures, and not a video in order.
        [outcome] = model.generate([ModelPrompt("0", blocks, frames, max_tokens=TOKENS)])
    finally:
        model.close()
    if not isinstance(outcome, Done):
        raise UserError(f"{spec.model} gave no answer ({outcome.reason}: {outcome.detail})")
    return outcome.value.text.strip()


def _decode_moments(
    guard: Guard, found: Sequence[Found], spec: AnswerSpec
) -> dict[int, np.ndarray]:
    """The middle frame of each moment found by its pictures, by its number; squares of one size."""
    wanted = [
        (Video(str(number), each.uri, ""), Sampling(every_nth=None, fps=1.0, count=1, start_s=(
            each.evidence.start + each.evidence.end) / 2))
        for number, each in enumerate(found, start=1)
        if each.evidence.kind == FRAME and each.uri
    ][: spec.frames]  # fmt: skip
    frames: dict[int, np.ndarray] = {}
    for event in guard.decode_each(wanted, resize=None):
        if isinstance(event, tuple):
            frames[int(event[0].id)] = _pad(shrink(event[1].pixels[0], spec.side), spec.side)
    return frames


def _pad(picture: np.ndarray, side: int) -> np.ndarray:
    """A picture in the middle of a black square: videos of other shapes are shown together."""
    top, left = ((side - size) // 2 for size in picture.shape[:2])
    square = np.zeros((side, side, 3), np.uint8)
    square[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return square
