"""Measures the bundled open_clip model on a real corpus: `python -m engines.tiny.evaluate`."""

import argparse
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engines.bundled import NAME, WEIGHTS, register_model
from engines.tiny.corpus import held_out_prompts, write

if TYPE_CHECKING:
    from open_clip import CLIP
    from torch import Tensor

EVERY = 25
TOP = 5
BATCH = 64
DUPLICATE = (0.98, 0.94)
PRECISIONS = ("fp32", "bf16")

Prompts = list[tuple[str, dict[str, str]]]


class Searcher:
    """The bundled model, embedding clips and texts in one precision."""

    def __init__(self, weights: Path = WEIGHTS, precision: str = "fp32") -> None:
        """Load the model as any open_clip model is loaded."""
        import open_clip

        register_model()
        self.model: CLIP
        self.model, self.preprocess = open_clip.create_model_from_pretrained(
            NAME, pretrained=str(weights)
        )
        self.model.eval()
        self.tokenizer = open_clip.get_tokenizer(NAME)
        self.precision = precision

    def clips(self, pictures: list["Tensor"]) -> np.ndarray:
        """One unit vector a clip: the normalised mean of its frames' unit vectors."""
        import torch

        with torch.inference_mode(), self._cast():
            frames = self.model.encode_image(torch.cat(pictures)).float().numpy()
        owner = np.repeat(np.arange(len(pictures)), [len(p) for p in pictures])
        pooled = np.zeros((len(pictures), frames.shape[1]), np.float32)
        np.add.at(pooled, owner, _unit(frames))
        return _unit(pooled)

    def texts(self, texts: list[str]) -> np.ndarray:
        """One unit vector a text."""
        import torch

        with torch.inference_mode(), self._cast():
            return _unit(self.model.encode_text(self.tokenizer(texts)).float().numpy())

    def pictures(self, clip: Path) -> "Tensor":
        """Every 25th frame of a clip, as the model takes it."""
        import av
        import torch

        with av.open(str(clip)) as container:
            kept = [f for n, f in enumerate(container.decode(video=0)) if n % EVERY == 0]
            return torch.stack([self.preprocess(frame.to_image()) for frame in kept])

    def _cast(self) -> AbstractContextManager[object]:
        import torch

        return torch.autocast("cpu", torch.bfloat16) if self.precision == "bf16" else nullcontext()


def right(prompts: Prompts, scores: np.ndarray, shown: list[dict[str, str]]) -> np.ndarray:
    """Which of each prompt's best five clips show everything it asks for, as (prompt, 5)."""
    best = np.argsort(-scores, axis=1, kind="stable")[:, :TOP]
    return np.array(
        [
            [all(shown[i][name] == value for name, value in asked.items()) for i in row]
            for (_, asked), row in zip(prompts, best, strict=True)
        ]
    )


def crowded(vectors: np.ndarray, near: float) -> float:
    """Share of clips that have another within a cosine of `near`: what deduplication drops."""
    cosine = vectors @ vectors.T
    np.fill_diagonal(cosine, -1)
    return float((cosine.max(axis=1) > near).mean())


def embed(searcher: Searcher, clips: list[Path]) -> np.ndarray:
    """The vectors of many clips, decoded and embedded a few at a time."""
    batches = [clips[at : at + BATCH] for at in range(0, len(clips), BATCH)]
    return np.concatenate([searcher.clips([searcher.pictures(c) for c in b]) for b in batches])


def report(searcher: Searcher, table: Path, prompts: Prompts) -> None:
    """Print how many of each prompt's best five clips are all it asks for."""
    from pyarrow import parquet

    rows = parquet.read_table(table).to_pylist()
    vectors = embed(searcher, [table.parent / row["videoLoc"] for row in rows])
    texts = searcher.texts([text for text, _ in prompts])
    hits = right(prompts, texts @ vectors.T, rows)
    print(f"{searcher.precision}: {hits.mean():.4f} of the top {TOP} right, {len(prompts)} prompts")
    for near in DUPLICATE:
        print(f"  {crowded(vectors, near):.4f} of the clips have another within {near}")
    for (text, _), row in zip(prompts, hits, strict=True):
        if not row.all():
            print(f"  {row.sum()}/{TOP} {text}")


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def main() -> None:
    """Write the corpus where it is missing, and report on it in each precision."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, default=Path("var/moving-shapes"))
    parser.add_argument("--videos", type=int, default=2000)
    parser.add_argument("--prompts", type=int, default=40)
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    table, prompts = write(given.corpus, given.videos), held_out_prompts(given.prompts)
    for precision in PRECISIONS:
        report(Searcher(given.weights, precision), table, prompts)


if __name__ == "__main__":
    main()
