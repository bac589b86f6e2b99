"""Published weights on the Hugging Face hub: taken from its cache, else downloaded once."""

import io
from collections.abc import Callable, Sequence
from typing import Any

from data.errors import UserError

TIMEOUT_S = 5.0  # of the first answer: its client would try again for 25 s, and for each name
Report = Callable[[int, int], None]  # bytes so far, of how many; first of none so far


def ignore_report(done: int, total: int) -> None:
    """The report of somebody who does not want to know."""


def fetch_file(repo: str, names: Sequence[str], what: str, report: Report) -> str:
    """The path of the first of these files that the repository has.

    `what` is what an error calls it. A UserError where the hub cannot be reached or has none.
    """
    import huggingface_hub as hub

    for name in names:
        # A file that is here is taken as it is: no question to the hub, which may be away.
        if isinstance(cached := hub.try_to_load_from_cache(repo, name), str):
            return cached
    try:
        name, size = _find_file(repo, names)
        report(0, size)
        return hub.hf_hub_download(repo, name, tqdm_class=_build_bar(report))
    except Exception as error:  # of the hub, of HTTP, of the disk
        raise UserError(explain_absence(what, hub.constants.ENDPOINT, error)) from error


def explain_absence(what: str, place: str, error: Exception) -> str:
    """One line: what could not be fetched from where, and the three ways out."""
    return (
        f"cannot fetch {what} from {place} ({type(error).__name__}). Three ways out: name a"
        " weights file with --weights FILE; or name a mirror of the hub that this machine reaches:"
        " export HF_ENDPOINT=https://MIRROR; or search by the names of everyday objects, without"
        " a download: --engine tags"
    )


def _find_file(repo: str, names: Sequence[str]) -> tuple[str, int]:
    """The first of these files that the hub has, and its size in bytes."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import EntryNotFoundError

    *others, last = names
    for name in others:
        try:
            return name, get_hf_file_metadata(hf_hub_url(repo, name), timeout=TIMEOUT_S).size or 0
        except EntryNotFoundError:
            continue
    return last, get_hf_file_metadata(hf_hub_url(repo, last), timeout=TIMEOUT_S).size or 0


def _build_bar(report: Report) -> Any:
    """The class of a progress bar that draws nothing and reports."""
    from tqdm import tqdm

    class Bar(tqdm):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options | {"file": io.StringIO()})

        def display(self, *args: Any, **options: Any) -> None:
            report(int(self.n), int(self.total or 0))

    return Bar
