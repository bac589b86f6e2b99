"""Cuts moments out of videos into files of a folder, each with its provenance beside it."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from itertools import chain, count
from pathlib import Path

from data.ids import file_name
from data.outcome import Done, Failed, Outcome
from data.records import Hit
from data.store.disk_errors import translate_disk_errors
from engines.report.retrieval import locate_hit
from engines.retrieve import cut_job
from engines.video.guard.guard import Guard
from engines.video.guard.protocol import Header
from engines.worker import WorkerSetup

DRAFT = ".draft-"
SUFFIXES = (".mp4", ".mkv", ".ts")
SPAN = ("uri", "start_sec", "end_sec")  # what a hit's file shows


@dataclass(frozen=True, slots=True)
class MomentToCut:
    """A hit with a span; `id` names its files in the folder."""

    id: str
    hit: Hit


def list_moments(hits: Sequence[Hit]) -> list[MomentToCut]:
    """The hits that are moments; files are named by prompt, rank and video.

    Of several hits of one name, as of joined tables, the later ones have a number behind it.
    """
    moments: dict[str, Hit] = {}
    for hit in hits:
        if hit.start_sec is not None and hit.end_sec is not None:
            name = f"{hit.prompt_id}-{hit.rank}-{hit.video_id}"
            names = map(file_name, chain([name], (f"{name}-{number}" for number in count(2))))
            moments[next(each for each in names if each not in moments)] = hit
    return [MomentToCut(id, hit) for id, hit in moments.items()]


class MomentCutter:
    """Writes `<id>.mp4` (or .mkv, .ts) and, last, `<id>.json`, which makes the moment done."""

    def __init__(self, folder: str, exact: bool, setup: WorkerSetup) -> None:
        self.folder, self.exact, self.setup, self.needs = Path(folder), exact, setup, setup.needs
        self.how = "encoded" if exact else "copied"

    def load(self) -> None:
        """Prepares the processes that open videos: a broken one may crash or hang them."""
        self._guard = Guard.for_worker(self.setup)

    def run(self, batch: Sequence[MomentToCut]) -> Iterator[Outcome[bool]]:
        """Whether each moment was cut now; one that is there stays as it is."""
        pending = {}
        for item in batch:
            if self._is_cut(item):
                yield Done(item.id, False)
            else:
                pending[item.id] = item
        jobs = ((id, self._build_job(item)) for id, item in pending.items())
        for outcome in self._guard.run_module(cut_job.__name__, jobs):
            if isinstance(outcome, Failed):
                self._drop_draft(outcome.id)
                yield outcome
            else:
                self._finish(pending[outcome.id], outcome.value)
                yield Done(outcome.id, True)

    def close(self) -> None:
        """Ends the processes."""
        self._guard.close()

    def _is_cut(self, item: MomentToCut) -> bool:
        """Whether the item's file is there, and not that of another moment that had its name."""
        try:
            about = json.loads((self.folder / f"{item.id}.json").read_text("utf-8"))
            same = all(about["hit"][name] == getattr(item.hit, name) for name in SPAN)
            return same and bool(about["how"] == self.how)
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def _build_job(self, item: MomentToCut) -> Header:
        self._drop_draft(item.id)  # of a killed run
        stem = str(self.folder.absolute() / f"{DRAFT}{item.id}")
        policy = asdict(self.setup.url_policy)
        return {"uri": locate_hit(item.hit), "stem": stem, "exact": self.exact, "policy": policy}

    def _finish(self, item: MomentToCut, made: Header) -> None:
        """Moves the file into place, then writes where it is from."""
        final = f"{item.id}{Path(made['file']).suffix}"
        hit = asdict(item.hit)
        provenance = {
            "file": final, "sha256": made["sha256"],
            "how": self.how,
            "shows": {name: made[name] for name in ("start_sec", "end_sec")},
            "hit": hit, "reelflow": metadata.version("reelflow"),
        }  # fmt: skip
        with translate_disk_errors(str(self.folder)):
            for name in (".json", *SUFFIXES):  # of another moment that had this name
                (self.folder / f"{item.id}{name}").unlink(missing_ok=True)
            (self.folder / made["file"]).rename(self.folder / final)
            draft = self.folder / f"{DRAFT}{item.id}.json"
            draft.write_text(json.dumps(provenance, indent=2, ensure_ascii=False) + "\n", "utf-8")
            draft.rename(self.folder / f"{item.id}.json")

    def _drop_draft(self, id: str) -> None:
        for suffix in (*SUFFIXES, ".json"):
            (self.folder / f"{DRAFT}{id}{suffix}").unlink(missing_ok=True)
