"""What a pipeline's run did: a line a stage for its log, a table of all for its page."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from prefect.artifacts import create_markdown_artifact
from prefect.context import FlowRunContext

from tasks.progress import speed
from tasks.ui.artifacts import PAGES, figure, head, hundredths, key_of, opened, took

HEADS = ("stage", "took", "done", "failed", "rate", "what came of it")
HOURS = ("gpu_hours", "worker_hours")

Summary = dict[str, Any]
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Story:
    """The stages of one run, in order; `summary` has what each of them said."""

    corpus: str
    summary: dict[str, Summary] = field(default_factory=dict)
    now: str = ""
    broken: str = ""

    def tell(self, stage: str, run: Callable[..., Summary], *given: Any) -> Summary:
        """Runs a stage: what it says, and the seconds that all of it took."""
        started = time.monotonic()
        self.now = stage
        said = {**run(*given), "took_s": time.monotonic() - started}
        said |= said.pop("spent", {})
        self.summary[stage] = said
        log.info("%s: %s", stage, sentence(stage, said))
        return said


@contextmanager
def told(corpus: str) -> Iterator[Story]:
    """A story to tell; in the end it is an artifact of the flow run, also where a stage failed."""
    story = Story(corpus)
    try:
        yield story
    except Exception as error:
        story.broken = " ".join(str(error).split())[:300] or type(error).__name__
        raise
    finally:
        if FlowRunContext.get() is not None:
            create_markdown_artifact(page(story), key_of("pipeline", corpus), _card(story))


def sentence(stage: str, said: Summary) -> str:
    """As "1,952 done, 31 failed in 12 s (163.3 videos/s): decode-bound …"."""
    done, failed = _counts(stage, said)
    counts = ["done" if done is None else f"{done:,} done"]
    counts += [f"{failed:,} failed"] if failed else []
    rate = f" ({_rate(stage, said)})" if _rate(stage, said) else ""
    return f"{', '.join(counts)} in {took(said['took_s'])}{rate}: {_gist(stage, said)}"


def page(story: Story) -> str:
    """A table in Markdown with a row for each stage, and the pages that were written."""
    hours = [key for key in HOURS if any(key in said for said in story.summary.values())]
    hours += ["cost"] if any("cost" in said for said in story.summary.values()) else []
    heads = [*HEADS[:-1], *(key if key == "cost" else head(key) for key in hours), HEADS[-1]]
    rows = [_row(stage, said, hours) for stage, said in story.summary.items()]
    if story.broken:
        why = story.broken.replace("|", "\\|")
        rows.append([story.now, *[""] * (len(heads) - 2), f"**failed**: {why}"])
    if len(story.summary) > 1:
        rows.append(_total(story, hours))
    table = ["| " + " | ".join(row) + " |" for row in (heads, ["---"] * len(heads), *rows)]
    return "\n".join(table) + _pages(story)


def _card(story: Story) -> str:
    """As "4 stages in 3:05", or the stage that failed."""
    seconds = sum(said["took_s"] for said in story.summary.values())
    count = len(story.summary)
    told = f"{count} stage{'s' * (count != 1)} in {took(seconds)}"
    return f"{story.now} failed, after {told}" if story.broken else told


def _row(stage: str, said: Summary, hours: list[str]) -> list[str]:
    done, failed = _counts(stage, said)
    counts = ["" if count is None else f"{count:,}" for count in (done, failed)]
    paid = [figure(key, said[key]) if key in said else "" for key in hours]
    return [stage, took(said["took_s"]), *counts, _rate(stage, said), *paid, _gist(stage, said)]


def _total(story: Story, hours: list[str]) -> list[str]:
    sums = [sum(said.get(key, 0.0) for said in story.summary.values()) for key in hours]
    all_s = sum(said["took_s"] for said in story.summary.values())
    return ["**all**", took(all_s), "", "", "", *map(hundredths, sums), ""]


def _pages(story: Story) -> str:
    written = [said["page"] for said in story.summary.values() if "page" in said]
    return "".join(f"\n\nReport: {opened(each)}" for each in written) + (
        f"\n\n{PAGES}" if written else ""
    )


def _counts(stage: str, said: Summary) -> tuple[int | None, int | None]:
    """Videos that went through and videos that failed, where the stage counts them."""
    match stage:
        case "ingest":
            return said["new"] + said["changed"], sum(said["failed"].values())
        case "embed" | "generate":
            return said["done"], sum(said["failed"].values())
        case "index":
            return said.get("count", 0), None
        case "evaluate":
            methods = said["methods"]
            failed = sum(each["failed"] for each in methods)
            return sum(each["videos"] - each["dropped"] for each in methods) - failed, failed
    return None, None


def _rate(stage: str, said: Summary) -> str:
    """Videos a second, where all that is done was done in this run."""
    done = _counts(stage, said)[0] if stage in ("ingest", "embed") else None
    return speed(done / said["took_s"]) if done and said["took_s"] else ""


def _gist(stage: str, said: Summary) -> str:
    """What else there is to say of it, in a few words."""
    match stage:
        case "ingest":
            return f"{said['rows']:,} rows, {said['unchanged']:,} of them as before"
        case "embed":
            return said["bottleneck"]
        case "pool":
            return f"shards pooled: {said['shards']:,}"
        case "index":
            return _index(said)
        case "generate":
            return f"run {said['run']}, {said['requests']:,} videos asked for in all"
        case "evaluate":
            means = [mean for each in said["methods"] for mean in each["means"]]
            said_of = [f"{m['label']} {m['mean']:.3g}" for m in means if m["mean"] is not None]
            return "; ".join(said_of) or "nothing measured"
        case "report":
            return f"{said['videos']:,} videos on a page" if "videos" in said else "a page"
    return ""


def _index(said: Summary) -> str:
    recall = [f"{head(name)} {value:.3f}" for name, value in said.get("recall_at_10", {}).items()]
    what = f"{said['version']} of {said['count']:,} videos" if "count" in said else "as it was"
    return ", ".join([what, *recall])
