"""Chooses what a prompt is compared with: an index, captions, pictures, or motion."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from data.errors import UserError
from data.records import Hit, Prompt
from data.shards.stages import Stage, current_stage
from data.specs.retrieve import RetrieveSpec
from data.workspace import Workspace
from engines.base import load_plugin
from engines.embed.engine import Embedder
from engines.embed.text import to_unit_length
from engines.files.access import UrlPolicy
from engines.generate.pipelines.first_frame import PictureError, open_picture
from engines.video.resize import resize_pictures
from tasks.captions.stage import require_captions
from tasks.index.versions import find_index
from tasks.motion.stage import require_features
from tasks.retrieve.retriever import Retriever
from tasks.retrieve.stored import CaptionRetriever, MotionRetriever, count_version
from tasks.stages import require_same_weights
from tasks.url_policy import build_url_policy

CAPTIONS_MORE = 3  # of 2 k + 3 clips by caption, the k likest pictures, as published (1.4)


class PromptRetriever(Protocol):
    """What searches prompts, and counts what it could not find: see `Retriever`."""

    version: str
    shortages: dict[str, int]
    unmatched: list[str]

    def search_prompts(self, prompts: Sequence[Prompt], spec: RetrieveSpec) -> list[Hit]:
        """The k best videos of each prompt, in the order of the prompts."""
        ...


def open_retriever(workspace: Workspace, corpus: str, by: str) -> PromptRetriever:
    """What compares prompts with a corpus by `RetrieveSpec.by`; a UserError without its vectors."""
    if by == "caption":
        return CaptionRetriever(workspace, corpus)
    if by == "motion":
        return MotionRetriever(workspace, corpus)
    retriever = Retriever(workspace, corpus)
    if by == "index":
        return retriever
    captions = CaptionRetriever(workspace, corpus) if by == "caption+image" else None
    return ImageRetriever(workspace, retriever, captions)


def describe_index(workspace: Workspace, corpus: str, by: str) -> tuple[str, str]:
    """Fingerprint and version of what `open_retriever` searches."""
    if by in ("caption", "motion"):
        stage = _find_stage(workspace, corpus, by)
        return stage.fingerprint, count_version(workspace, stage)
    index, version = find_index(workspace, corpus)
    if by != "caption+image":
        return index.fingerprint, version
    stage = _find_stage(workspace, corpus, by)
    both = f"{version}+{count_version(workspace, stage)}"
    return f"{index.fingerprint}+{stage.fingerprint}", both


def _find_stage(workspace: Workspace, corpus: str, by: str) -> Stage:
    if by == "motion":
        return require_features(workspace, corpus)
    return require_captions(workspace, corpus)[0]


class ImageRetriever:
    """Compares prompts' pictures with videos; of the best by caption only, where there are some."""

    def __init__(
        self, workspace: Workspace, retriever: Retriever, captions: CaptionRetriever | None
    ) -> None:
        self.retriever, self.captions = retriever, captions
        self.version, self.unmatched = retriever.version, (captions or retriever).unmatched
        self.shortages = retriever.shortages
        self._workspace = workspace
        self._model: Embedder | None = None

    def search_prompts(self, prompts: Sequence[Prompt], spec: RetrieveSpec) -> list[Hit]:
        """The k videos most like each prompt's picture; a UserError for a prompt without one."""
        vectors = self._embed_images(prompts)
        if self.captions is None:
            return self.retriever.search_for(prompts, vectors, spec)
        hits: list[Hit] = []
        for prompt, vector in zip(prompts, vectors, strict=True):
            hits += self._rank_captioned(prompt, vector, spec)
        return hits

    def _rank_captioned(self, prompt: Prompt, vector: np.ndarray, spec: RetrieveSpec) -> list[Hit]:
        assert self.captions is not None
        wider = spec.model_copy(update={"k": 2 * spec.k + CAPTIONS_MORE})
        # By caption first: pictures alone tell what is seen, not what it does.
        captioned = self._keep_indexed(self.captions.search_prompts([prompt], wider))
        if not captioned:
            self.shortages[prompt.id] = spec.k
            return []
        _, vectors = self.retriever.read_vectors([hit.video_id for hit in captioned])
        scores = vectors.astype(np.float64) @ vector.astype(np.float64)
        best = np.argsort(-scores, kind="stable")[: spec.k]
        if len(best) < spec.k:
            self.shortages[prompt.id] = spec.k - len(best)
        return [
            replace(captioned[n], rank=rank, score=float(scores[n]))
            for rank, n in enumerate(best.tolist(), start=1)
        ]

    def _keep_indexed(self, hits: Sequence[Hit]) -> list[Hit]:
        """Those with a vector to compare: a clip may have a caption before it is indexed."""
        contents = self._workspace.find_contents(
            self.retriever.corpus, [hit.video_id for hit in hits]
        )
        rows = self.retriever.index.rows([contents.get(hit.video_id, "") for hit in hits])
        return [hit for hit, row in zip(hits, rows, strict=True) if row >= 0]

    def _embed_images(self, prompts: Sequence[Prompt]) -> np.ndarray:
        """Unit vectors (n, dim) of the prompts' pictures, by the model of the index."""
        stage = current_stage(self._workspace.store, self.retriever.corpus, "embed")
        assert stage is not None  # there is an index over it
        if self._model is None:
            spec = require_same_weights(self._workspace, stage)
            self._model = load_plugin("embed.models", spec.engine).Embedder(spec)
            self._model.load(None, False)
        policy = build_url_policy(self._workspace.settings)
        # One by one: neighbours in a batch change the last bits.
        vectors = [
            self._model.embed_images(
                resize_pictures(_open_picture(prompt, policy), self._model.resize)
            )
            for prompt in prompts
        ]
        return to_unit_length(np.concatenate(vectors).astype(np.float32))


def _open_picture(prompt: Prompt, policy: UrlPolicy) -> np.ndarray:
    """(1, H, W, 3) uint8 of a prompt's picture; a UserError where it has none that can be read."""
    if prompt.image is None:
        raise UserError(f"prompt {prompt.id} has no image to compare with: add an image column")
    try:
        return np.array(open_picture(prompt.image, policy))[None]
    except PictureError as error:
        raise UserError(f"prompt {prompt.id}: {error}") from error
