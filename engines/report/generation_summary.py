"""The head of a generation run's page: its sentence, figures, and settings."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean, median
from typing import Any

from data.runs.generations import Run
from data.specs.pipeline import GenerateSpec
from engines.bundled import TEXT_TO_VIDEO, is_bundled_base
from engines.report.generation import Row
from engines.report.html import Figure

DIGEST_LENGTH = 12  # hex digits: enough for a person to compare; the settings have all of them


def format_lead(run: Run, rows: Sequence[Row]) -> str:
    """Describes the run in a sentence: how many videos, conditioned on what."""
    spec, prompts = run.spec, len({row["prompt_id"] for row in rows})
    done = sum(row["reason"] is None for row in rows)
    counts = f"{done:,} video{_plural(done)} for {prompts:,} prompt{_plural(prompts)}, "
    k = spec.retrieve.k
    if not k:
        return counts + "generated from the text alone."
    clips = "best clip" if k == 1 else f"{k} best clips"
    if spec.shuffled:
        return counts + f"each conditioned on the {clips} of another prompt."
    return counts + f"each conditioned on the {clips} of {run.corpus}."


def build_figures(rows: Sequence[Row]) -> list[Figure]:
    """Counts videos, failures and clips used, and gives the mean score and the median time."""
    done = [row for row in rows if row["reason"] is None]
    failed = len(rows) - len(done)
    note = f"{failed:,} of {len(rows):,} failed" if failed else "none failed"
    figures = [Figure("videos", f"{len(done):,}", note=note)]
    if hits := [hit for row in rows for hit in row["hits"] or ()]:
        clips = len({hit["video_id"] for hit in hits})
        figures.append(Figure("clips used", f"{clips:,}", note="different retrieved videos"))
        score = fmean(hit["score"] for hit in hits)
        figures.append(Figure("mean score", f"{score:.3f}", note="cosine, prompt to clip"))
    if seconds := [row["seconds"] for row in done if row["seconds"] is not None]:
        # A few slow videos, such as a worker's first, would distort a mean.
        figures.append(Figure("time", f"{median(seconds):,.2f}", "s/video", "median"))
    return figures


def describe_run(run: Run) -> dict[str, str]:
    """Names the models, the index, the shape and the sampling of a run, in brief."""
    spec = run.spec
    facts = {
        "run": run.fingerprint,
        "engine": f"{spec.engine} {spec.precision}",
        "base": _name_base(spec),
        **{name: digest[:DIGEST_LENGTH] for name, digest in run.digests.items() if digest},
        "corpus": run.corpus,
        "index": " ".join(run.index or ()),
        "video": f"{spec.width} × {spec.height}, {spec.frames} frames at {spec.fps:g} fps",
        "sampling": f"{spec.steps} steps, guidance {spec.guidance:g}, seed {spec.seed}",
    }
    return {name: value for name, value in facts.items() if value}  # no index without retrieval


def _name_base(spec: GenerateSpec) -> str:
    if spec.engine == "ragme" and is_bundled_base(spec.base):
        return f"{TEXT_TO_VIDEO.name}, bundled: knows coloured shapes only"
    return Path(spec.base).name if spec.base else ""


def list_settings(run: Run) -> dict[str, str]:
    """Lists every field of the run's spec by its dotted name, and the digests in full."""
    digests = {f"{name} digest": digest or "–" for name, digest in run.digests.items()}
    spec = dict(_flatten_fields(run.spec.model_dump()))
    return spec | {"frame vectors": run.embed or "–"} | digests


def _flatten_fields(fields: Mapping[str, Any], above: str = "") -> Iterable[tuple[str, str]]:
    for name, value in fields.items():
        if isinstance(value, Mapping):
            yield from _flatten_fields(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", _format_value(value)


def _format_value(value: Any) -> str:
    if isinstance(value, bool):  # before numbers: True is an int too
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value))
    return "–" if value in (None, "") else f"{value:g}" if isinstance(value, float) else str(value)


def _plural(count: int) -> str:
    return "" if count == 1 else "s"
