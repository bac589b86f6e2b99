"""Digests of videos that are evaluated, wherever they lie."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, cast

from data.runs.evaluations import Target
from engines.embed.weights import digest_file
from engines.files.media import open_media
from engines.files.time_span import add_span, split_span
from engines.files.urls import is_url
from tasks.url_policy import build_url_policy


def digest_uri(uri: str) -> str:
    """The SHA-256 of a file here or at a URL, in hex, and the span; "" if it cannot be read."""
    file, span = split_span(uri)
    try:
        return add_span(_digest_bytes(file), span)
    except (OSError, ValueError):
        return ""


def _digest_bytes(uri: str) -> str:
    if not is_url(uri):
        return digest_file(uri)
    with open_media(uri, build_url_policy()) as file:
        return hashlib.file_digest(cast(Any, file), "sha256").hexdigest()


def digest_targets(targets: Sequence[Target]) -> list[Target]:
    """The targets with the SHA-256 of each file; a file that cannot be read fails in decoding."""
    with ThreadPoolExecutor(4) as threads:
        contents = threads.map(lambda target: target.content or digest_uri(target.uri), targets)
        return [replace(t, content=c) for t, c in zip(targets, contents, strict=True)]
