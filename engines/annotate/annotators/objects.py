"""Objects by their names: OWLv2 (Minderer et al. 2023) or Grounding DINO, of transformers."""

import json
import re
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from data.errors import UserError
from data.outcome import Outcome
from data.records import Video
from data.specs.annotate import ObjectsSpec
from data.store.texts import Annotation, Text
from engines.annotate.boxes import scale_box
from engines.annotate.changes import differs, measure_parts
from engines.annotate.reading import read_each
from engines.annotate.scene_graph import Found, describe_scene, keep_best
from engines.device import deterministic_inference
from engines.embed.model_folders import digest_folder, find_folder
from engines.pretrained import load_pretrained
from engines.video.frames import Frames, Sampling
from engines.video.guard.guard import Guard
from engines.worker import ModelSetup

VERSION = "2"
NO_OBJECTS = "no objects"
FLAG = "--detector FOLDER"


def digest(spec: ObjectsSpec) -> str:
    """The digest of the detector's folder; a UserError where none is named, or nothing to find."""
    if not spec.weights or not spec.labels:
        raise UserError(
            f"--with objects needs a detector and what to look for: {FLAG} --label cat"
            " --label 'red car'"
        )
    return digest_folder(find_folder(spec.weights, FLAG))


class Annotator:
    """Detects objects in frames in which something has changed."""

    def __init__(self, spec: ObjectsSpec) -> None:
        self.spec = spec
        self._computing = threading.Lock()  # another thread would only share the same cores

    def load(self, setup: ModelSetup) -> None:
        """Loads processor and model, without any code of the folder."""
        import torch
        from transformers import AutoModelForZeroShotObjectDetection, AutoProcessor

        torch.set_num_threads(setup.threads)
        folder = find_folder(str(self.spec.weights), FLAG)
        options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._processor = AutoProcessor.from_pretrained(folder, **options)
        model = load_pretrained(AutoModelForZeroShotObjectDetection, folder, **options)
        self._model = model.to(self._device)
        # Grounding DINO reads one text with all names, OWL a list of them.
        self._is_grounding = "grounding" in self._model.config.model_type.replace("-", "_")

    def annotate(self, videos: Sequence[Video], guard: Guard) -> Iterator[Outcome[Annotation]]:
        """The scenes of each video."""
        sampling = Sampling(every_nth=None, fps=self.spec.fps)
        frames = guard.decode(videos, sampling, resize=None)
        return read_each(frames, lambda: _Reader(self.spec, self.detect))

    def detect(self, pixels: np.ndarray) -> list[Found]:
        """The objects of a frame (3, height, width) uint8 RGB, the surest first."""
        picture, shape = pixels.transpose(1, 2, 0), pixels.shape[1:]
        # A dot ends a name in Grounding DINO's text.
        labels = [" ".join(label.lower().replace(".", " ").split()) for label in self.spec.labels]
        text: Any = ". ".join(labels) + "." if self._is_grounding else [labels]
        with self._computing, deterministic_inference():
            inputs = self._processor(images=picture, text=text, return_tensors="pt")
            outputs = self._model(**inputs.to(self._device))
            own: dict[str, Any] = {"text_labels": [labels]}
            if self._is_grounding:
                own = {"input_ids": inputs["input_ids"], "text_threshold": self.spec.threshold}
            [result] = self._processor.post_process_grounded_object_detection(
                outputs, threshold=self.spec.threshold, target_sizes=[shape], **own
            )
        names, spec = result["text_labels"] or (), self.spec
        found = [
            Found(label, float(score), scale_box(box.cpu().numpy().reshape(2, 2), shape))
            for name, score, box in zip(names, result["scores"], result["boxes"], strict=True)
            if (label := match_label(name or "", labels))
        ]
        return keep_best(found, spec.overlap, spec.per_label, spec.per_frame)


def match_label(name: str, labels: Sequence[str]) -> str | None:
    """The label that most of a detector's words are of, the first of equals; None without any.

    Grounding DINO names a box by all words above its threshold: "red" of "red car", or several
    labels at once.
    """
    words = set(re.findall(r"\w+", name.lower()))
    shares = [_share_words(words, set(re.findall(r"\w+", label))) for label in labels]
    best = max(shares, default=0.0)
    return labels[shares.index(best)] if best > 0 else None


def _share_words(first: set[str], second: set[str]) -> float:
    joint = first | second
    return len(first & second) / len(joint) if joint else 0.0


class _Reader:
    def __init__(self, spec: ObjectsSpec, detect: Any) -> None:
        self._spec, self._detect = spec, detect
        self._parts: np.ndarray | None = None
        self._scenes: list[tuple[float, list[Found]]] = []
        self._last = 0.0

    def add(self, part: Frames) -> None:
        for seconds, pixels in zip(part.seconds.tolist(), part.pixels, strict=True):
            parts, self._last = measure_parts(pixels), seconds
            if differs(parts, self._parts, self._spec.change):
                self._parts = parts
                self._scenes.append((seconds, self._detect(pixels)))

    def finish(self) -> Annotation:
        # A scene lasts until another one is seen.
        ends = [start for start, _ in self._scenes[1:]] + [self._last]
        texts = tuple(
            self._describe(start, end, found)
            for (start, found), end in zip(self._scenes, ends, strict=True)
            if found and describe_scene(found, self._spec.parts)
        )
        return Annotation(texts) if texts else Annotation((), NO_OBJECTS)

    def _describe(self, start: float, end: float, found: list[Found]) -> Text:
        objects = [
            {"label": each.label, "score": round(each.score, 3), "box": each.box} for each in found
        ]
        return Text(
            round(start, 2), round(end, 2), describe_scene(found, self._spec.parts),
            score=round(max(each.score for each in found), 3),
            record=json.dumps({"objects": objects}),
        )  # fmt: skip
