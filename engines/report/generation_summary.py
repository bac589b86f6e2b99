"""What the page of a run of generation says above its prompts."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean, median
from typing import Any

from data.runs.generations import Run
from engines.report.generation import Row
from engines.report.html import Figure

SHORT = 12  # digits of a digest, where a person only compares


def lead(run: Run, rows: Sequence[Row]) -> str:
    """The run in a sentence."""
    spec, prompts = run.spec, len({row["prompt_id"] for row in rows})
    done = sum(row["reason"] is None for row in rows)
    said = f"{done:,} video{_s(done)} for {prompts:,} prompt{_s(prompts)}, "
    k = spec.retrieve.k
    if not k:
        return said + "generated from the text alone."
    if spec.shuffled:
        return said + f"each conditioned on the {k} best clips of another prompt."
    return said + f"each conditioned on the {k} best clips of {run.corpus}."


def figures(rows: Sequence[Row]) -> list[Figure]:
    """What came of it, in numbers."""
    done = [row for row in rows if row["reason"] is None]
    failed = len(rows) - len(done)
    lost = f"{failed:,} of {len(rows):,} failed" if failed else "none failed"
    found = [Figure("videos", f"{len(done):,}", note=lost)]
    if hits := [hit for row in rows for hit in row["hits"] or ()]:
        clips = len({hit["video_id"] for hit in hits})
        found.append(Figure("clips used", f"{clips:,}", note="different retrieved videos"))
        score = fmean(hit["score"] for hit in hits)
        found.append(Figure("mean score", f"{score:.3f}", note="cosine, prompt to clip"))
    if took := [row["seconds"] for row in done if row["seconds"] is not None]:
        found.append(Figure("time", f"{median(took):,.2f}", "s/video", "the median"))
    return found


def about(run: Run) -> dict[str, str]:
    """What the videos were made with, in brief."""
    spec = run.spec
    said = {
        "run": run.fingerprint,
        "engine": f"{spec.engine} {spec.precision}",
        **{name: digest[:SHORT] for name, digest in run.digests.items() if digest},
        "corpus": run.corpus,
        "index": " ".join(run.index or ()),
        "video": f"{spec.width} × {spec.height}, {spec.frames} frames at {spec.fps:g} fps",
        "sampling": f"{spec.steps} steps, guidance {spec.guidance:g}, seed {spec.seed}",
    }
    return {name: value for name, value in said.items() if value}


def settings(run: Run) -> dict[str, str]:
    """Every field of the run's spec by its dotted name, and the digests in full."""
    digests = {f"{name} digest": digest or "–" for name, digest in run.digests.items()}
    return dict(_flat(run.spec.model_dump())) | {"frame vectors": run.embed or "–"} | digests


def _flat(said: Mapping[str, Any], above: str = "") -> Iterable[tuple[str, str]]:
    for name, value in said.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value))
    return "–" if value in (None, "") else f"{value:g}" if isinstance(value, float) else str(value)


def _s(count: int) -> str:
    return "" if count == 1 else "s"
