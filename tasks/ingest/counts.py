"""The counts of an ingest, of which its page and its summary are made."""

from collections.abc import Container, Sequence
from dataclasses import dataclass, field

from tasks.ingest.entries import Entry


@dataclass(slots=True)
class Counts:
    """The counts of a source's rows by what became of them."""

    rows: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    failed: dict[str, int] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)

    def add(self, entries: Sequence[Entry], fresh: Container[int], before: Container[str]) -> None:
        """Counts entries; `fresh` are the lines that are new or changed, `before` known ids."""
        for entry in entries:
            self.rows += 1
            if entry.reason:
                self.failed[entry.reason] = self.failed.get(entry.reason, 0) + 1
            elif entry.line not in fresh:
                self.unchanged += 1
            elif entry.id in before:
                self.changed += 1
            else:
                self.new += 1
            if entry.note:
                self.notes[entry.note] = self.notes.get(entry.note, 0) + 1
