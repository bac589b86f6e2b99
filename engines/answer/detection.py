"""Objects that requests name: one pass of a detector over a video, for all of its questions."""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from data.runs.answers import Evidence
from data.specs.annotate import ObjectsSpec
from data.specs.answer import AnswerSpec
from engines.annotate.scene_graph import PARTS, Found, describe_scene
from engines.answer.frames import Pool
from engines.answer.request import Request
from engines.base import load_plugin
from engines.worker import ModelSetup

KIND = "objects"


def build_detector_spec(spec: AnswerSpec, labels: Sequence[str]) -> ObjectsSpec:
    """The annotator's spec that finds these labels by the run's detector."""
    return ObjectsSpec(weights=spec.detector, labels=tuple(labels))


def digest_detector(spec: AnswerSpec) -> str:
    """The digest of the detector's weights; a UserError where there are none."""
    return load_plugin("annotate.annotators", KIND).digest(build_detector_spec(spec, ["object"]))


class SceneFinder:
    """The detector of a worker, loaded when the first request names something."""

    def __init__(self, spec: AnswerSpec, threads: int) -> None:
        self._spec, self._threads = spec, threads
        self._annotator: Any = None
        self._lock = threading.Lock()

    def find_scenes(
        self, video: str, pool: Pool, requests: Mapping[str, tuple[Request, Sequence[int]]]
    ) -> dict[str, tuple[Evidence, ...]]:
        """Sentences about the objects that each request names, in the frames at its places.

        Every frame is looked at once, for the names of all requests.
        """
        labels = sorted({name for request, _ in requests.values() for name in request.objects})
        places = sorted({place for _, own in requests.values() for place in own})
        seen = {n: self._detect(pool.pixels[n], labels) for n in places} if labels else {}
        return {
            key: tuple(self._describe(video, pool, request, own, seen))
            for key, (request, own) in requests.items()
        }

    def _describe(
        self, video: str, pool: Pool, request: Request, places: Sequence[int],
        seen: Mapping[int, Sequence[Found]],
    ) -> list[Evidence]:  # fmt: skip
        scenes = []
        # As published, nothing is said of objects unless a request says what is wanted of them.
        parts = request.parts or (() if self._spec.rule == "published" else PARTS)
        for place in sorted(places):
            found = [each for each in seen.get(place, ()) if each.label in request.objects]
            if text := describe_scene(found, parts):
                time = round(pool.times[place], 2)
                score = round(max(each.score for each in found), 4)
                scenes.append(Evidence(KIND, time, time, text, score, video))
        return scenes

    def _detect(self, pixels: np.ndarray, labels: Sequence[str]) -> list[Found]:
        """The objects of a frame (height, width, 3)."""
        with self._lock:
            spec = build_detector_spec(self._spec, labels)
            if self._annotator is None:
                self._annotator = load_plugin("annotate.annotators", KIND).Annotator(spec)
                self._annotator.load(ModelSetup(threads=self._threads))
            self._annotator.spec = spec
            found: list[Found] = self._annotator.detect(pixels.transpose(2, 0, 1))
            return found
