"""Generation runs in a store as `generate` leaves them, for tests of what reads them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from data.records import Prompt
from data.runs.generations import Run, media_path, record_run
from data.shards.receipts import Receipt, Seconds, write_receipt
from data.specs.pipeline import GenerateSpec, RetrieveSpec
from data.store.storage import Store
from engines.video.writing import encode_mp4
from support import golden

SPEC = GenerateSpec(
    engine="fake", precision="fp32", width=64, height=64, frames=8, fps=4,
    retrieve=RetrieveSpec(k=2),
)  # fmt: skip
CONTENT = "ef" * 32  # recorded of each video


def run_in(
    store: Store,
    prompts: Sequence[str],
    clips: Sequence[Path],
    spec: GenerateSpec = SPEC,
    fails: dict[int, str] | None = None,
    corpus: str = "c",
) -> Run:
    """A run whose prompt `n` follows k of the clips from `n` on; those in `fails` have a detail."""
    records = tuple(Prompt(f"{n:03d}", text) for n, text in enumerate(prompts))
    digests = {"model": "ab" * 32, "controller": "cd" * 32}
    run = Run(corpus, spec, "1", digests, ("0123456789ab", "v0001"), "ba9876543210", records)
    record_run(store, run)
    size = (spec.width, spec.height)
    video = encode_mp4(np.stack([golden.picture(n, size) for n in range(spec.frames)]), spec.fps)
    rows = []
    for n, prompt in enumerate(records):
        hits = [_hit(clips[(n + rank) % len(clips)], rank, n) for rank in range(spec.retrieve.k)]
        for sample in range(spec.samples):
            row = _row(run, prompt, sample) | {"hits": hits}
            if sample == 0 and fails and n in fails:
                row |= {"reason": "rejected", "detail": fails[n], "hits": [], "file": None}
            else:
                store.write(f"{run.folder}/{row['file']}", video)
            rows.append(row)
    write_receipt(store, run.folder, Receipt("000000", 1, "1", tuple(rows), Seconds()))
    return run


def _row(run: Run, prompt: Prompt, sample: int) -> dict:
    id, spec = f"{prompt.id}-{sample}", run.spec
    return {
        "request_id": id, "prompt_id": prompt.id, "prompt": prompt.text, "sample": sample,
        "seed": 1000 * int(prompt.id) + sample, "reason": None, "detail": None, "note": None,
        "file": media_path(id), "sha256": CONTENT, "frames": spec.frames, "fps": spec.fps,
        "width": spec.width, "height": spec.height, "index_version": "v0001", "seconds": 1.5,
    }  # fmt: skip


def _hit(clip: Path, rank: int, n: int) -> dict:
    return {
        "rank": rank + 1, "video_id": clip.stem, "content": f"content of {clip.stem}",
        "score": 0.5 - 0.1 * rank + 0.001 * n, "start_s": 0.2, "weight": 0.5, "uri": str(clip),
        "caption": f"what {clip.stem} shows",
    }  # fmt: skip
