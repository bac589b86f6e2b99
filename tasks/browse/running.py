"""The page that runs over a store, as commands of the same user find it: its model is warm."""

import hashlib
import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np

from data.private_files import open_private_folder
from data.records import Prompt
from data.shards.stages import Stage
from data.workspace import Workspace
from tasks.retrieve.prompt_vectors import EmbedPrompts, PromptEmbedder

TIMEOUT_S = 20.0  # a page that is still loading its model takes no longer than a command would


@dataclass(frozen=True, slots=True)
class RunningPage:
    """Where the page listens, and the token that lets this user's commands in."""

    url: str
    token: str
    pid: int


@contextmanager
def announce_page(root: str, page: RunningPage) -> Iterator[None]:
    """Lets this user's commands find the page during the block."""
    file = _page_file(root)
    draft = file.with_suffix(f".{page.pid}.tmp")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(asdict(page)))
    os.replace(draft, file)
    try:
        yield
    finally:
        found = find_page(root)
        if found is not None and found.pid == page.pid:  # another one may have started since
            file.unlink(missing_ok=True)


def find_page(root: str) -> RunningPage | None:
    """The page over a store; None where none runs, or it was killed."""
    try:
        page = RunningPage(**json.loads(_page_file(root).read_text()))
        os.kill(page.pid, 0)
    except (OSError, ValueError, TypeError):
        return None
    return page


def choose_embedder(workspace: Workspace) -> EmbedPrompts:
    """What embeds prompts soonest: a page that runs over the store, else a model loaded here.

    The vectors are the same: a page that has another model, or does not answer, is not used.
    """
    here = PromptEmbedder(workspace)
    page = find_page(workspace.store.root)
    if page is None:
        return here

    def embed(stage: Stage, prompts: Sequence[Prompt]) -> np.ndarray:
        try:
            return _ask_page(page, stage, [prompt.text for prompt in prompts])
        except (OSError, ValueError):
            return here(stage, prompts)

    return embed


def _ask_page(page: RunningPage, stage: Stage, texts: list[str]) -> np.ndarray:
    address = f"{page.url}/api/corpora/{quote(stage.corpus)}/embed"
    body = json.dumps({"embed": stage.fingerprint, "texts": texts}).encode()
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {page.token}"}
    request = urllib.request.Request(address, body, headers)  # noqa: S310 (our own page)
    # Without the proxies that the environment names: the page is on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=TIMEOUT_S) as answer:
        vectors = np.array(json.loads(answer.read()), np.float32)
    if vectors.ndim != 2 or len(vectors) != len(texts):
        raise ValueError("the page answered with other vectors")
    return vectors


def _page_file(root: str) -> Path:
    name = root if "://" in root else os.path.realpath(root)
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    return open_private_folder("reelflow-browse") / f"{digest}.json"
