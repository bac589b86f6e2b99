"""Measures the bundled open_clip model on a real corpus: `python -m engines.tiny.evaluate`."""

import argparse
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engines.bundled import NAME, WEIGHTS, register_model
from engines.tiny.corpus import held_out_prompts, write_corpus

if TYPE_CHECKING:
    from open_clip import CLIP
    from torch import Tensor

EVERY = 25  # the default of `EmbedSpec.every_nth`
TOP = 5
BATCH = 64
DUPLICATE = (0.98, 0.94)  # the thresholds of searches by text and by video
PRECISIONS = ("fp32", "bf16")

Prompts = list[tuple[str, dict[str, str]]]


class Searcher:
    """The bundled model, embedding clips and texts in one precision."""

    def __init__(self, weights: Path = WEIGHTS, precision: str = "fp32") -> None:
        """Loads the model as any open_clip model is loaded."""
        import open_clip

        register_model()
        self.model: CLIP
        self.model, self.preprocess = open_clip.create_model_from_pretrained(
            NAME, pretrained=str(weights)
        )
        self.model.eval()
        self.tokenizer = open_clip.get_tokenizer(NAME)
        self.precision = precision

    def embed_clips(self, pictures: list["Tensor"]) -> np.ndarray:
        """One unit vector per clip: the normalised mean of its frames' unit vectors."""
        import torch

        with torch.inference_mode(), self._autocast():
            frames = self.model.encode_image(torch.cat(pictures)).float().numpy()
        # One forward pass for all clips; each frame's owner then says where it is summed.
        owner = np.repeat(np.arange(len(pictures)), [len(p) for p in pictures])
        pooled = np.zeros((len(pictures), frames.shape[1]), np.float32)
        np.add.at(pooled, owner, _to_unit(frames))
        return _to_unit(pooled)

    def embed_texts(self, texts: list[str]) -> np.ndarray:
        """One unit vector per text."""
        import torch

        with torch.inference_mode(), self._autocast():
            return _to_unit(self.model.encode_text(self.tokenizer(texts)).float().numpy())

    def read_frames(self, clip: Path) -> "Tensor":
        """Every 25th frame of a clip, as the model takes it."""
        import av
        import torch

        with av.open(str(clip)) as container:
            frames = [f for n, f in enumerate(container.decode(video=0)) if n % EVERY == 0]
            return torch.stack([self.preprocess(frame.to_image()) for frame in frames])

    def _autocast(self) -> AbstractContextManager[object]:
        import torch

        return torch.autocast("cpu", torch.bfloat16) if self.precision == "bf16" else nullcontext()


def mark_correct(prompts: Prompts, scores: np.ndarray, shown: list[dict[str, str]]) -> np.ndarray:
    """Whether each of a prompt's best five clips shows all that it asks for, as (prompt, 5)."""
    # Stable, so that equal scores give the same five everywhere.
    best = np.argsort(-scores, axis=1, kind="stable")[:, :TOP]
    return np.array(
        [
            [all(shown[i][name] == value for name, value in expected.items()) for i in row]
            for (_, expected), row in zip(prompts, best, strict=True)
        ]
    )


def near_duplicate_share(vectors: np.ndarray, near: float) -> float:
    """Share of clips with another above a cosine of `near`, which deduplication would drop."""
    cosine = vectors @ vectors.T
    # A clip is no duplicate of itself.
    np.fill_diagonal(cosine, -1)
    return float((cosine.max(axis=1) > near).mean())


def embed_corpus(searcher: Searcher, clips: list[Path]) -> np.ndarray:
    """The vectors of many clips, decoded and embedded a few at a time."""
    batches = [clips[at : at + BATCH] for at in range(0, len(clips), BATCH)]
    return np.concatenate(
        [searcher.embed_clips([searcher.read_frames(c) for c in b]) for b in batches]
    )


def print_report(searcher: Searcher, table: Path, prompts: Prompts) -> None:
    """Prints how many of each prompt's best five clips show all that it asks for."""
    from pyarrow import parquet

    rows = parquet.read_table(table).to_pylist()
    vectors = embed_corpus(searcher, [table.parent / row["videoLoc"] for row in rows])
    texts = searcher.embed_texts([text for text, _ in prompts])
    hits = mark_correct(prompts, texts @ vectors.T, rows)
    print(
        f"{searcher.precision}: {hits.mean():.4f} of the top {TOP} correct, {len(prompts)} prompts"
    )
    for near in DUPLICATE:
        print(
            f"  {near_duplicate_share(vectors, near):.4f} of the clips have another within {near}"
        )
    for (text, _), row in zip(prompts, hits, strict=True):
        if not row.all():
            print(f"  {row.sum()}/{TOP} {text}")


def _to_unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def main() -> None:
    """Writes the corpus if it is missing, and prints a report in each precision."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, default=Path("var/moving-shapes"))
    parser.add_argument("--videos", type=int, default=2000)
    parser.add_argument("--prompts", type=int, default=40)
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    table, prompts = write_corpus(options.corpus, options.videos), held_out_prompts(options.prompts)
    for precision in PRECISIONS:
        print_report(Searcher(options.weights, precision), table, prompts)


if __name__ == "__main__":
    main()
