"""Builds a run of answers from a file of questions: the videos, the texts, the model."""

from collections.abc import Iterable
from dataclasses import dataclass

from data.errors import UserError
from data.records import Video
from data.runs.answering import Answering
from data.runs.questions import Question, VideoQuestions
from data.specs.answer import AnswerSpec
from data.stamps import hash_json
from data.workspace import Workspace
from engines.answer import prompts
from engines.answer.detection import digest_detector
from engines.answer.plugins import load_model, read_questions
from tasks.answer.frames import FrameSource, open_frames
from tasks.answer.texts import TextStore, find_sources, load_texts, name_sources
from tasks.answer.videos import find_in_corpus, find_in_folder
from tasks.progress import notify
from tasks.prompt_files import read_rows
from tasks.text_encoder import choose_encoder


@dataclass(frozen=True)
class PlannedAnswers:
    """A run of answers with what its workers are given of each video."""

    run: Answering
    texts: TextStore
    frames: FrameSource | None


def plan_answers(
    workspace: Workspace, file: str, layout: str, corpus: str | None, folder: str | None,
    spec: AnswerSpec,
) -> PlannedAnswers:  # fmt: skip
    """Reads a file of questions and finds all that answering them needs.

    A UserError where there are no questions, no corpus or folder, or no such model.
    """
    questions = read_questions(layout, read_rows(file))
    if not questions:
        raise UserError(f"{file} has no questions")
    return plan_questions(workspace, questions, (file, layout), corpus, folder, spec)


def plan_questions(
    workspace: Workspace, questions: list[Question], source: tuple[str, str],
    corpus: str | None, folder: str | None, spec: AnswerSpec,
) -> PlannedAnswers:  # fmt: skip
    """As `plan_answers`, of questions that were read; `source` is their file and its layout."""
    if (corpus is None) == (folder is None):
        raise UserError("say where the videos are: --corpus NAME, or --videos FOLDER")
    plugin = load_model(spec.model)
    model = plugin.VERSION, plugin.digest(spec)
    names = {question.video for question in questions if question.video}
    if corpus is not None:
        videos = find_in_corpus(workspace, corpus, names)
        encode = choose_encoder(workspace, corpus, spec.encode)
        spec = spec.model_copy(update={"encode": encode})
    else:
        videos = find_in_folder(str(folder), names)
        spec = _leave_out_texts(spec)
    items = group_by_video(questions, videos)
    sources, frames = {}, None
    if corpus is not None:
        sources = find_sources(workspace, corpus, spec)
        frames = open_frames(workspace, corpus, spec, items)
    texts = load_texts(workspace, corpus or "", spec, sources, items)
    if frames:
        texts.seen["frame vectors"] = set(frames.read.shards)
    seen = hash_json([(kind, sorted(contents)) for kind, contents in texts.seen.items()])
    stages = name_sources(sources, spec) | ({"frames": frames.stage.fingerprint} if frames else {})
    if spec.detector:
        if not spec.frames or "closeness" in plugin.CAPABILITIES:
            raise UserError("--detector goes with a --model that reads requests, and with --frames")
        stages["detector"] = digest_detector(spec)
    run = Answering(
        *source, corpus, spec, tuple(questions), tuple(items), model, stages, seen,
        prompts.VERSION,
    )  # fmt: skip
    return PlannedAnswers(run, texts, frames)


def group_by_video(questions: Iterable[Question], videos: dict[str, Video]) -> list[VideoQuestions]:
    """One item for each video, in the order of the first question about it."""
    groups: dict[str, list[Question]] = {}
    for question in questions:
        groups.setdefault(question.video, []).append(question)
    return [
        VideoQuestions(name, videos.get(name) or Video(name, "", ""), tuple(group))
        for name, group in groups.items()
    ]


def _leave_out_texts(spec: AnswerSpec) -> AnswerSpec:
    """The spec for a folder, whose videos nobody has looked through for texts."""
    if spec.sampling == "keyframe":
        raise UserError("--sampling keyframe goes by the frame vectors of a corpus: use --corpus")
    if "closeness" in load_model(spec.model).CAPABILITIES:
        raise UserError(
            f"{spec.model} answers from the texts and frame vectors of a corpus: use --corpus, or"
            " another --model"
        )
    if spec.texts != "none":
        notify("a folder has no texts: answers go by frames alone (--corpus has texts)")
    return spec.model_copy(update={"texts": "none"})
