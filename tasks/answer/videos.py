"""Finds the videos that questions are about: in a corpus, or in a folder."""

import os
from collections.abc import Iterable
from pathlib import PurePosixPath

from data.catalog.database import load_sql
from data.errors import UserError
from data.records import Video
from data.runs.evaluations import Target
from data.workspace import Workspace
from engines.files.listing import VIDEO_ENDINGS, has_ending
from tasks.evaluate.digests import digest_targets
from tasks.progress import notify

Videos = dict[str, Video]
Named = dict[str, dict[str, Video]]  # by a name: the videos that have it, by content or file


def find_in_corpus(workspace: Workspace, corpus: str, names: Iterable[str]) -> Videos:
    """The corpus's videos by the names that questions call them: ids, or names of files."""
    wanted = sorted(set(names))
    asked = sorted({*wanted, *map(_drop_ending, wanted)})
    with workspace.open_synced_catalog(workspace.check_corpus(corpus)) as catalog:
        rows = catalog.execute(load_sql("named_videos"), corpus=corpus, names=asked)
    by_id, by_file = Named(), Named()
    for id, file, uri, content, duration, bytes, stamp in rows:
        video = Video(id, uri or "", content, duration, bytes, stamp)
        by_id[id] = {content: video}
        for name in {file, _drop_ending(file)}:
            by_file.setdefault(name, {}).setdefault(content, video)  # copies are one video
    return _match_names(wanted, by_file | by_id)  # an id goes before a file's name


def find_in_folder(folder: str, names: Iterable[str]) -> Videos:
    """The videos of a folder by their names, with or without the ending; not of its subfolders."""
    if not os.path.isdir(folder):
        raise UserError(f"no folder {folder}: --videos takes a folder with the videos' files")
    files = sorted(name for name in os.listdir(folder) if has_ending(name, VIDEO_ENDINGS))
    named = Named()
    for name in files:
        uri = os.path.abspath(os.path.join(folder, name))
        video = Video(_drop_ending(name), uri, "")
        named.setdefault(_drop_ending(name), {})[uri] = named.setdefault(name, {})[uri] = video
    found = _match_names(sorted(set(names)), named)
    # Only those that are asked about: a folder may hold far more.
    uris = sorted({video.uri for video in found.values()})
    targets = digest_targets([Target(uri, "", "", uri, "") for uri in uris])
    digests = {target.uri: target.content for target in targets}
    return {
        name: Video(video.id, video.uri, f"sha256:{digests[video.uri]}")
        for name, video in found.items()
    }


def _match_names(wanted: Iterable[str], named: Named) -> Videos:
    """The video of each name, or else of the name without its ending; none where it has several."""
    matched: Videos = {}
    for name in wanted:
        videos = list((named.get(name) or named.get(_drop_ending(name)) or {}).values())
        if len(videos) == 1:
            matched[name] = videos[0]
        elif videos:
            paths = " and ".join(video.uri for video in videos[:2])
            notify(
                f"{name} is the name of {len(videos)} videos, such as {paths}: questions about it"
                " fail; call the video by its id, or by its file's whole name"
            )
    return matched


def _drop_ending(name: str) -> str:
    return PurePosixPath(name).stem if has_ending(name, VIDEO_ENDINGS) else name
