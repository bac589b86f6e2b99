"""Files of a folder that are not taken as videos, so that nobody misses them silently."""

import os
from collections import Counter

from engines.files.listing import VIDEO_ENDINGS, has_ending

SIDECARS = (".txt", ".json")  # captions, where they are named after a video
SHOWN = 3


def describe_leftovers(
    folder: str, endings: tuple[str, ...] = VIDEO_ENDINGS, deep: bool = True
) -> str:
    """What a local folder holds beside videos, as "2 .jpg, 1 .doc: a.jpg, …"; "" for nothing.

    Captions beside a video are not listed. Unless `deep`, folders within are leftovers themselves.
    """
    kinds, names = Counter[str](), list[str]()
    for place, folders, files in os.walk(folder):
        below = os.path.relpath(place, folder)
        stems = {os.path.splitext(name)[0] for name in files if has_ending(name, endings)}
        for name in sorted(files):
            stem, ending = os.path.splitext(name)
            caption = ending.lower() in SIDECARS and stem in stems
            if not (has_ending(name, endings) or caption or name.startswith(".")):
                kinds[ending.lower() or "without an ending"] += 1
                if len(names) <= SHOWN:  # all of a large corpus would fill the memory
                    names.append(os.path.normpath(os.path.join(below, name)))
        if not deep:
            kinds.update({"folder": len(folders)} if folders else {})
            names += [f"{name}/" for name in sorted(folders)]
            break
    counts = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common())
    more = ", …" if len(names) > SHOWN else ""
    return f"{counts}: {', '.join(names[:SHOWN])}{more}" if names else ""
