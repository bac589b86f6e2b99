"""A store copied to another place, where nothing counts before all that it stands on is there."""

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from data.errors import UserError
from data.store.storage import Store

OWN = ("locks", "service")  # of the machines that work on a store, as are files in its root
UNDER_WAY = "copying"  # such a file: what lies beside it is not all there yet
AT_ONCE = 16  # files: most are small, and wait for the other side
IN_MEMORY = 16 * 2**20  # bytes of a file that goes in one request
VECTORS, MARKS, ALIASES = range(3)  # in this order: marks make files count, aliases choose marks


@dataclass(frozen=True, slots=True)
class Copied:
    """What was brought, in `files` and `bytes`, and the files that were there already."""

    files: int
    bytes: int
    unchanged: int


def copy(here: Store, there: Store, told: Callable[[int, int], None]) -> Copied:
    """Copies a store to an empty place; `told` hears how many files are there, of how many.

    Runs may go on meanwhile: what they finish is in the copy or is not, never in part. Cut short,
    the same call goes on. A UserError where another store is there, or a file has another size
    there in the end.
    """
    _claim(here, there)
    aliases = {name: here.read(name) for name in _files(here, ALIASES)}
    marks, vectors = _files(here, MARKS), _files(here, VECTORS)  # marks first: theirs are there
    present = _files(there, VECTORS)
    fresh = [name for name, found in vectors.items() if not _as_new(found, present.get(name))]
    total, done = len(vectors) + len(marks) + len(aliases), len(vectors) - len(fresh)
    brought = 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for names in (fresh, list(marks)):
            for size in pool.map(partial(_bring, here, there), names):
                done, brought = done + 1, brought + size
                told(done, total)
    _check(vectors, _files(there, VECTORS))
    _check(marks, _files(there, MARKS))
    for name, content in aliases.items():
        there.write(name, content)
        brought += len(content)
    there.delete(UNDER_WAY)
    told(total, total)
    return Copied(len(fresh) + len(marks) + len(aliases), brought, len(vectors) - len(fresh))


def _claim(here: Store, there: Store) -> None:
    """Marks the place as this store's copy under way; a UserError where it is anything else."""
    if there.exists(UNDER_WAY):
        begun = there.read(UNDER_WAY).decode()
        if begun != here.root:
            raise UserError(f"{there.root} is a copy of {begun} under way: name another place")
    elif any(_folders(there)):
        raise UserError(f"{there.root} holds a store already: name an empty place")
    elif not any(_folders(here)):
        raise UserError(f"{here.root} holds no store: name it by --root or REELFLOW_ROOT")
    else:
        there.write(UNDER_WAY, here.root.encode())


def _folders(store: Store) -> list[str]:
    """What a store consists of."""
    found = [name.strip("/") for name in store.names("")]
    return [name for name in found if name not in OWN and store.fs.isdir(store.path(name))]


def _files(store: Store, turn: int) -> dict[str, tuple[int, float]]:
    """The files whose turn it is, with their bytes and the time when they were written."""
    found, root = {}, store.fs._strip_protocol(store.path("")).rstrip("/")
    for folder in _folders(store):
        for path, said in store.fs.find(store.path(folder), detail=True).items():
            name = path.removeprefix(root).strip("/")
            if _turn(name) == turn and "/." not in name:  # hidden: half-written
                written = said.get("mtime") or said["LastModified"].timestamp()
                found[name] = (int(said["size"]), float(written))
    return found


def _turn(name: str) -> int:
    last = name.rsplit("/", 1)[-1]
    return ALIASES if last == "current" else MARKS if last.endswith(".json") else VECTORS


def _as_new(found: tuple[int, float], present: tuple[int, float] | None) -> bool:
    """Whether a file was brought after it was written last."""
    return present is not None and present[0] == found[0] and present[1] >= found[1]


def _check(sent: dict[str, tuple[int, float]], there: dict[str, tuple[int, float]]) -> None:
    torn = [name for name, (size, _) in sent.items() if there.get(name, (-1, 0))[0] != size]
    if torn:
        raise UserError(f"{len(torn)} files changed on their way, as {torn[0]}: copy again")


def _bring(here: Store, there: Store, name: str) -> int:
    """Copies one file; its bytes."""
    with here.open(name) as source:
        head = source.read(IN_MEMORY)
        if len(head) < IN_MEMORY:
            there.write(name, head)
            return len(head)
        with there.create(name) as out:
            out.write(head)
            shutil.copyfileobj(source, out, IN_MEMORY)
            return int(out.tell())
