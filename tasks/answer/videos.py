"""Finds the videos that questions are about: in a corpus, or in a folder."""

import os
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from data.catalog.database import load_sql
from data.errors import UserError
from data.records import Video
from data.runs.evaluations import Target
from data.workspace import Workspace
from engines.files.listing import VIDEO_ENDINGS, has_ending
from tasks.evaluate.digests import digest_targets

Videos = dict[str, Video]


def find_in_corpus(workspace: Workspace, corpus: str, names: Iterable[str]) -> Videos:
    """The corpus's videos by the names that questions call them: ids, or names of files."""
    wanted = sorted(set(names))
    asked = sorted({*wanted, *map(_drop_ending, wanted)})
    with workspace.open_synced_catalog(workspace.check_corpus(corpus)) as catalog:
        rows = catalog.execute(load_sql("named_videos"), corpus=corpus, names=asked)
    known: Videos = {}
    by_id = [(id, row) for row in rows for id in (row[0],)]
    by_file = [(name, row) for row in rows for name in (row[1], _drop_ending(row[1]))]
    for name, (id, _, uri, content, duration, bytes, stamp) in [*by_id, *by_file]:
        # An id goes before a file's name, and the first of two files before the second.
        known.setdefault(name, Video(id, uri or "", content, duration, bytes, stamp))
    return dict(_match_names(wanted, known))


def find_in_folder(folder: str, names: Iterable[str]) -> Videos:
    """The videos of a folder by their names, with or without the ending; not of its subfolders."""
    if not os.path.isdir(folder):
        raise UserError(f"no folder {folder}: --videos takes a folder with the videos' files")
    files = sorted(name for name in os.listdir(folder) if has_ending(name, VIDEO_ENDINGS))
    known: Videos = {}
    for name in files:
        video = Video(_drop_ending(name), os.path.abspath(os.path.join(folder, name)), "")
        known.setdefault(name, video)
        known.setdefault(_drop_ending(name), video)
    found = dict(_match_names(sorted(set(names)), known))
    # Only those that are asked about: a folder may hold far more.
    uris = sorted({video.uri for video in found.values()})
    targets = digest_targets([Target(uri, "", "", uri, "") for uri in uris])
    digests = {target.uri: target.content for target in targets}
    return {
        name: Video(video.id, video.uri, f"sha256:{digests[video.uri]}")
        for name, video in found.items()
    }


def _match_names(wanted: Iterable[str], known: Videos) -> Iterator[tuple[str, Video]]:
    for name in wanted:
        video = known.get(name) or known.get(_drop_ending(name))
        if video is not None:
            yield name, video


def _drop_ending(name: str) -> str:
    return PurePosixPath(name).stem if has_ending(name, VIDEO_ENDINGS) else name
