"""The answer stage's engine: all questions of some videos, in two calls of a model."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from data.batches import group_by_weight, iter_batches
from data.outcome import Done, Failed, Outcome
from data.runs.answers import Answer
from data.specs.answer import AnswerSpec
from data.specs.pipeline import EmbedSpec
from engines.answer.detection import SceneFinder
from engines.answer.frame_choice import FrameChooser
from engines.answer.frames import Pool, choose_places, decode_pools
from engines.answer.items import AnsweredVideo, AnswerTask
from engines.answer.plugins import load_model
from engines.answer.protocol import AnswerSetup, Prompt, Reply, VideoModel
from engines.answer.state import Asked, build_prompt, finish_answer, open_questions
from engines.answer.vectors import Encoders
from engines.video.guard.guard import Guard

AHEAD = 32  # whole frames that a decoder may be ahead: 200 MB of 1920x1080
FREE_TEXT = 16  # times as many tokens as a letter may have


class VideoAnswerer:
    """Answers questions of videos: requests, texts, frames, answers, each for a batch at once."""

    def __init__(self, spec: AnswerSpec, setup: AnswerSetup, embed: EmbedSpec | None) -> None:
        self.spec, self.setup, self.embed, self.needs = spec, setup, embed, setup.needs

    def load(self) -> None:
        """Loads the model; encoders are loaded when the first text needs them."""
        self.guard = Guard.for_worker(self.setup, AHEAD)
        plugin = load_model(self.spec.model)
        self.capabilities: frozenset[str] = plugin.CAPABILITIES
        self.model: VideoModel = plugin.Model(self.spec)
        self.model.load(self.setup)
        self.encoders = Encoders()
        self.scenes = SceneFinder(self.spec, self.setup.threads) if self.spec.detector else None
        self.chooser = FrameChooser(self.spec, self.embed)
        self._computing = threading.Lock()  # two batches may be decoded, one model computes

    def close(self) -> None:
        """Ends the model and the decoder processes."""
        self.model.close()
        self.guard.close()

    def run(self, batch: Sequence[AnswerTask]) -> Iterator[Outcome[AnsweredVideo]]:
        """One outcome per video, in order; a question that fails is an answer with a reason."""
        asked = [each for task in batch for each in open_questions(task, self.encoders)]
        for number in range(1, self.spec.rounds + 1):
            self._request(asked, number)
            self._retrieve(asked)
        pools = self._decode(batch)
        # A server is busy only with the questions of several videos; more would fill the memory.
        for group in group_by_weight(batch, self._most // 2, lambda task: len(task.questions)):
            yield from self._answer_videos(group, asked, pools)

    @property
    def _most(self) -> int:
        """Most prompts of answers, whose frames are in memory, at once."""
        return 4 * self.setup.concurrent_requests

    @property
    def _reads_prompts(self) -> bool:
        return "closeness" not in self.capabilities

    def _generate(self, prompts: Sequence[Prompt]) -> dict[str, Outcome[Reply]]:
        """The outcome of each prompt; one that the model left out has crashed."""
        with self._computing:
            outcomes = {each.id: each for each in self.model.generate(prompts)} if prompts else {}
        lost = Failed("", "crashed", "the model gave no reply")
        return {each.id: outcomes.get(each.id, replace(lost, id=each.id)) for each in prompts}

    def _request(self, asked: Sequence[Asked], number: int) -> None:
        """Asks the model what to look up, where that decides which texts it gets."""
        if not self._reads_prompts:
            return
        by_request = self.spec.texts in ("retrieved", "shuffled")
        open_ones = [each for each in asked if self.scenes or (by_request and each.texts.texts)]
        if number > 1:  # for texts beyond the first ones
            open_ones = [each for each in open_ones if each.evidence and each.fault is None]
        prompts = {each.key: each.build_request(self.spec, number) for each in open_ones}
        outcomes = self._generate(list(prompts.values()))
        for each in open_ones:
            each.take_request(prompts[each.key], outcomes[each.key])

    def _retrieve(self, asked: Sequence[Asked]) -> None:
        if self.spec.texts == "none":
            return
        vectors = self.encoders.encode_queries(q for each in asked for q in each.list_queries())
        for each in asked:
            each.select(self.spec, vectors)

    def _decode(self, batch: Sequence[AnswerTask]) -> dict[str, Pool | Failed]:
        if not (self._reads_prompts and self.spec.frames):
            return {}
        # By the tasks' ids: questions may name one video by its id and by its file.
        videos = [replace(task.video, id=task.id) for task in batch]
        return dict(decode_pools(self.guard, videos, self.spec))

    def _answer_videos(
        self,
        tasks: Sequence[AnswerTask],
        asked: Sequence[Asked],
        pools: Mapping[str, Pool | Failed],
    ) -> Iterator[Outcome[AnsweredVideo]]:
        """The answers of some videos, whose prompts go to the model together."""
        started, found = time.perf_counter(), dict[str, Answer]()
        own = {task.id: [each for each in asked if each.task is task] for task in tasks}
        good = {task.id: pool for task in tasks
                if not isinstance(pool := pools.get(task.id), Failed)}  # fmt: skip
        for task in tasks:
            if (pool := good.get(task.id)) is not None:
                self._find_scenes(task, own[task.id], pool)
        # A video may have any number of questions, and each has frames of its own.
        for some in iter_batches((each for id in good for each in own[id]), self._most):
            found |= self._answer_questions(some, good)
        spent = (time.perf_counter() - started) / max(len(found), 1)
        for task in tasks:
            if isinstance(pool := pools.get(task.id), Failed):
                yield pool
                continue
            answers = tuple(found[each.key] for each in own[task.id])
            seconds = {"model": spent * len(answers)}
            if pool and pool.stats:
                seconds |= {"read": pool.stats.read_s, "decode": pool.stats.decode_s}
            yield Done(task.id, AnsweredVideo(answers, seconds))

    def _answer_questions(
        self, asked: Sequence[Asked], pools: Mapping[str, Pool | None]
    ) -> dict[str, Answer]:
        """Answers by the questions' keys; a question whose request failed is not put."""
        prompts = {
            each.key: self._build_prompt(each.task, each, pools[each.task.id])
            for each in asked
            if each.fault is None
        }
        outcomes = self._generate(list(prompts.values()))
        return {
            each.key: finish_answer(each, prompts.get(each.key), each.fault or outcomes[each.key])
            for each in asked
        }

    def _find_scenes(self, task: AnswerTask, asked: Sequence[Asked], pool: Pool) -> None:
        if self.scenes is None:
            return
        requests = {
            each.key: (each.request, self.chooser.choose_keyframes(task, each, pool))
            for each in asked
            if each.request.objects and each.fault is None
        }
        found = self.scenes.find_scenes(task.video.id, pool, requests)
        for each in asked:
            each.scenes = found.get(each.key, ())

    def _build_prompt(self, task: AnswerTask, asked: Asked, pool: Pool | None) -> Prompt:
        pool = pool or Pool()
        wanted = self.chooser.choose_times(task, asked) if pool.times else []
        frames, times = pool.take(choose_places(pool.times, wanted, self.spec.frames))
        tokens = self.spec.answer_tokens * (1 if asked.question.options else FREE_TEXT)
        prompt = build_prompt(asked, frames, times, tokens)
        if self._reads_prompts:
            return prompt
        return replace(prompt, closeness=asked.measure_closeness(self.chooser.compare(task)))
