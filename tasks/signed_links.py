"""Signed links of this run: the store has addresses without their signatures.

A link is signed anew for every night, so its signature is no part of a row's identity. It is kept
in the memory of the run that read it from its source, and put back where a worker opens the file.
"""

from dataclasses import replace
from typing import Any

from data.records import Request, Source, Video
from data.secrets import strip_secrets

_links: dict[tuple[str, str], str] = {}  # by id and address: addresses may differ by secrets alone


def remember_link(id: str, uri: str) -> str:
    """The address without its secrets, from which `restore_link` makes the given one again."""
    plain = strip_secrets(uri)
    if plain != uri:
        _links[id, plain] = uri
    return plain


def restore_link(id: str, uri: str) -> str:
    """The address as this run's source has it; as it is where this run has read none."""
    return _links.get((id, uri), uri)


def restore_links(item: Any) -> Any:
    """An item for a worker, with the addresses of its videos as this run's source has them."""
    if not _links:
        return item
    if isinstance(item, Video):
        return replace(item, uri=restore_link(item.id, item.uri)) if item.uri else item
    if isinstance(item, Request):
        image = item.image and restore_link(item.prompt_id, item.image)
        return replace(item, image=image, sources=tuple(map(_restore_source, item.sources)))
    return item


def _restore_source(source: Source) -> Source:
    return replace(source, uri=restore_link(source.video_id, source.uri))
