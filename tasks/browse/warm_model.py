"""Models kept loaded: vectors of words, and of a picture or a video that was dropped in."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import cast

import numpy as np

from data.errors import UserError
from data.outcome import Done, Failed
from data.records import Prompt, Video
from data.shards.stages import Stage, current_stage, read_spec
from data.specs.pipeline import PoolSpec
from data.workspace import Workspace
from engines.base import load_plugin
from engines.browse import read_picture
from engines.embed.engine import Embedder, VideoEmbedder, to_sampling
from tasks.stages import require_same_weights
from tasks.workers import build_embed_setup

MAX_MODELS = 2  # corpora of a store mostly share one
MAX_TEXTS = 512  # whose vectors are kept: people type, delete and type again
FILE_DEADLINE_S = 30.0  # of a file that was dropped in: somebody waits for it
FIRST_FRAMES = 200  # sampled ones of a video that is searched with


class WarmModels:
    """The models of embed stages, each loaded once; any thread may use them."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._embedders: OrderedDict[str, VideoEmbedder] = OrderedDict()
        self._texts: OrderedDict[tuple[str, str], np.ndarray] = OrderedDict()
        # A file that does not end must not keep back those who search by words.
        self._loading, self._reading = threading.Lock(), threading.Lock()
        self._computing = threading.Lock()

    def embed_prompts(self, stage: Stage, prompts: Sequence[Prompt]) -> np.ndarray:
        """Vectors (n, dim) of prompts, as the model gives them: see `EmbedPrompts`."""
        keys = [(stage.fingerprint, prompt.text) for prompt in prompts]
        with self._computing:
            missing = list(dict.fromkeys(key for key in keys if key not in self._texts))
            if missing:
                model = cast(Embedder, self.load(stage).model)
                vectors = model.embed_text([text for _, text in missing])
                self._texts.update(zip(missing, vectors, strict=True))
            found = np.stack([self._texts[key] for key in keys])
            while len(self._texts) > MAX_TEXTS:
                self._texts.popitem(last=False)
        return found

    def embed_file(self, stage: Stage, file: Path) -> np.ndarray:
        """The pooled vector (1, dim) of a picture or a video; a UserError where it has none."""
        embedder = self.load(stage)
        with self._reading:
            embed = _embed_picture if read_picture.is_picture(str(file)) else _embed_video
            vectors = embed(embedder, file)
        pool = current_stage(self._workspace.store, stage.corpus, "pool")
        method = read_spec(self._workspace.store, pool, PoolSpec).method if pool else "mean"
        pooled: np.ndarray = load_plugin("pool.methods", method).pool(vectors)
        return pooled[None]

    def load(self, stage: Stage) -> VideoEmbedder:
        """The embedder of an embed stage, with its model loaded."""
        with self._loading:
            if stage.fingerprint not in self._embedders:
                spec = require_same_weights(self._workspace, stage)
                deadline_s = min(FILE_DEADLINE_S, self._workspace.settings.decode_deadline_s)
                changed = {"decoders": 1, "decode_deadline_s": deadline_s}
                settings = self._workspace.settings.model_copy(update=changed)
                sampling = replace(to_sampling(spec), first=FIRST_FRAMES)
                embedder = VideoEmbedder(spec, build_embed_setup(settings), sampling=sampling)
                embedder.load()
                self._embedders[stage.fingerprint] = embedder
                while len(self._embedders) > MAX_MODELS:
                    self._embedders.popitem(last=False)[1].close()
            self._embedders.move_to_end(stage.fingerprint)
            return self._embedders[stage.fingerprint]

    def is_loaded(self, stage: Stage) -> bool:
        """Whether the model of an embed stage is loaded."""
        return stage.fingerprint in self._embedders

    def close(self) -> None:
        """Ends the decoder processes."""
        for embedder in self._embedders.values():
            embedder.close()


def _embed_video(embedder: VideoEmbedder, file: Path) -> np.ndarray:
    """Vectors (n, dim) of a video's first sampled frames."""
    outcome = next(iter(embedder.run([Video("query", str(file), "")])))
    if isinstance(outcome, Failed):
        raise UserError(f"cannot search with this file: {outcome.detail}")
    assert isinstance(outcome, Done)
    return outcome.value.vector


def _embed_picture(embedder: VideoEmbedder, file: Path) -> np.ndarray:
    """The vector (1, dim) of a picture."""
    target = file.with_suffix(".npy")
    arguments = {"source": str(file), "target": str(target),
                 "resize": asdict(embedder.model.resize)}  # fmt: skip
    call = (str(file), arguments)
    outcome = next(iter(embedder.guard.run_module(read_picture.__name__, [call])))
    if isinstance(outcome, Failed):
        raise UserError(f"cannot search with this file: {outcome.detail}")
    return embedder.model.embed_images(np.load(target))
