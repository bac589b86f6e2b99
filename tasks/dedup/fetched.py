"""A version of an index on this machine, for one run."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from data.shards.stages import Stage
from data.store.temporary import TemporaryFolder
from data.workspace import Workspace
from engines.index.index import Index, open_index
from tasks.index.versions import fetch_version


@dataclass(frozen=True, slots=True)
class FetchedIndex:
    """A version of an index in a `folder` of this machine, beside a `scratch` folder."""

    stage: Stage
    version: str
    folder: Path
    scratch: Path

    def open(self) -> Index:
        """The index, memory-mapped."""
        return open_index(self.folder)


@contextmanager
def fetch_index(workspace: Workspace, stage: Stage, version: str) -> Iterator[FetchedIndex]:
    """A published version of an index, for the block; of a remote store it is copied."""
    with TemporaryFolder() as name:
        folder = fetch_version(workspace, stage, version, Path(name) / "index")
        yield FetchedIndex(stage, version, folder, Path(name))
