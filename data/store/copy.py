"""Copies a store so that no receipt or alias is visible before the files it refers to."""

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from data.errors import UserError
from data.store.storage import Store

# These belong to the machines that work on a store, as do files in its root: never copied.
MACHINE_FOLDERS = ("locks", "service")
IN_PROGRESS = "copying"  # a file that marks the target as incomplete
COPY_THREADS = 16  # most files are small, so that time goes into waiting for the other side
CHUNK_BYTES = 16 * 2**20  # a smaller file is copied in one request
# The order of copying: marks (receipts, headers) make files count, aliases choose among marks.
FILES, MARKS, ALIASES = range(3)


@dataclass(frozen=True, slots=True)
class CopySummary:
    """How many `files` and `bytes` were copied, and how many files were there already."""

    files: int
    bytes: int
    unchanged: int


def copy_store(
    source: Store, target: Store, on_progress: Callable[[int, int], None]
) -> CopySummary:
    """Copies a store to an empty place; `on_progress` gets the files done and their total.

    Runs may go on meanwhile: what they finish is in the copy whole or not at all. If interrupted,
    the same call continues. A UserError if the target holds another store, or if a file has
    another size there in the end.
    """
    _claim_target(source, target)
    # Read in the opposite order of writing: whatever a mark or an alias read here refers to was
    # complete before, so that it is in the listing made after it.
    aliases = {name: source.read(name) for name in _list_files(source, ALIASES)}
    marks = _list_files(source, MARKS)
    files = _list_files(source, FILES)
    present = _list_files(target, FILES)
    outdated = [name for name, file in files.items() if not _is_current(file, present.get(name))]
    total, done = len(files) + len(marks) + len(aliases), len(files) - len(outdated)
    copied_bytes = 0
    with ThreadPoolExecutor(COPY_THREADS) as pool:
        # Marks are copied anew every time: they are small, and summaries are rewritten in place.
        for names in (outdated, list(marks)):
            for size in pool.map(partial(_copy_file, source, target), names):
                done, copied_bytes = done + 1, copied_bytes + size
                on_progress(done, total)
    _check_sizes(files, _list_files(target, FILES))
    _check_sizes(marks, _list_files(target, MARKS))
    for name, content in aliases.items():
        target.write(name, content)
        copied_bytes += len(content)
    target.delete(IN_PROGRESS)
    on_progress(total, total)
    count = len(outdated) + len(marks) + len(aliases)
    return CopySummary(count, copied_bytes, len(files) - len(outdated))


def _claim_target(source: Store, target: Store) -> None:
    """Marks the target as this store's unfinished copy; a UserError if it is anything else."""
    if target.exists(IN_PROGRESS):
        origin = target.read(IN_PROGRESS).decode()
        if origin != source.root:
            raise UserError(
                f"{target.root} holds an unfinished copy of {origin}: name another place"
            )
    elif any(_list_folders(target)):
        raise UserError(f"{target.root} already holds a store: name an empty place")
    elif not any(_list_folders(source)):
        raise UserError(f"{source.root} holds no store: name it by --root or REELFLOW_ROOT")
    else:
        target.write(IN_PROGRESS, source.root.encode())


def _list_folders(store: Store) -> list[str]:
    """The top-level folders that make up a store."""
    names = [name.strip("/") for name in store.list_names("")]
    return [
        name for name in names if name not in MACHINE_FOLDERS and store.fs.isdir(store.path(name))
    ]


def _list_files(store: Store, phase: int) -> dict[str, tuple[int, float]]:
    """The files that are copied in a phase, each with its bytes and modification time."""
    files, root = {}, store.fs._strip_protocol(store.path("")).rstrip("/")
    for folder in _list_folders(store):
        for path, info in store.fs.find(store.path(folder), detail=True).items():
            name = path.removeprefix(root).strip("/")
            if _phase_of(name) == phase and "/." not in name:  # hidden files are half-written
                modified = info.get("mtime") or info["LastModified"].timestamp()
                files[name] = (int(info["size"]), float(modified))
    return files


def _phase_of(name: str) -> int:
    base = name.rsplit("/", 1)[-1]
    return ALIASES if base == "current" else MARKS if base.endswith(".json") else FILES


def _is_current(file: tuple[int, float], present: tuple[int, float] | None) -> bool:
    """Whether the target's file was copied after the source's was last written."""
    return present is not None and present[0] == file[0] and present[1] >= file[1]


def _check_sizes(
    files: dict[str, tuple[int, float]], present: dict[str, tuple[int, float]]
) -> None:
    torn = [name for name, (size, _) in files.items() if present.get(name, (-1, 0))[0] != size]
    if torn:
        raise UserError(f"{len(torn)} files changed while copying, such as {torn[0]}: copy again")


def _copy_file(source: Store, target: Store, name: str) -> int:
    """Copies one file; returns its bytes."""
    with source.open(name) as file:
        head = file.read(CHUNK_BYTES)
        if len(head) < CHUNK_BYTES:
            target.write(name, head)
            return len(head)
        with target.create(name) as out:
            out.write(head)
            shutil.copyfileobj(file, out, CHUNK_BYTES)
            return int(out.tell())
