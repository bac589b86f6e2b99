"""How near texts lie to each other by chance, by their encoder."""

from contextlib import suppress

import numpy as np
import pyarrow as pa

from data.shards.lists import list_done
from data.shards.stages import Stage
from data.store import layout
from data.store.texts import read_texts
from data.workspace import Workspace
from engines.annotate.encoding import read_vectors
from engines.retrieve.text_rules import calibrate_threshold
from tasks.annotate.encode import find_encoded

ENOUGH = 20_000  # texts; more change the third digit


def measure_chance(workspace: Workspace, annotated: Stage) -> float | None:
    """The cosine that only 5 % of pairs of texts of different videos reach.

    A threshold for answers: a text that is no nearer to a question says nothing of it. None where
    fewer than two videos have texts with vectors.
    """
    encoded = find_encoded(workspace, annotated)
    if encoded is None:
        return None
    owners, vectors = list[str](), list[np.ndarray]()
    for shard in sorted(list_done(workspace.store, encoded.folder)):
        name = layout.shard_file(encoded.folder, shard)
        if not workspace.store.exists(name):  # no text was found in these videos
            continue
        file = layout.shard_file(annotated.folder, shard)
        with suppress(pa.ArrowException, OSError):  # cut off: the search of texts says so
            found = [text.content for text in read_texts(workspace.store, file)]
            vectors.append(read_vectors(workspace.store, name))
            owners += found
        if len(owners) >= ENOUGH:
            break
    if len(set(owners)) < 2:
        return None
    return calibrate_threshold(np.concatenate(vectors), owners)
