"""Vectors of a file that a command searches with."""

import shutil
from pathlib import Path

import numpy as np

from data.errors import UserError
from data.shards.stages import current_stage
from data.store.temporary import TemporaryFolder
from data.workspace import Workspace
from tasks.browse.warm_model import WarmModels


def embed_query_file(workspace: Workspace, corpus: str, file: str) -> np.ndarray:
    """The unit vector (1, dim) of a picture or video file, by the model that embedded a corpus.

    A UserError where it has none.
    """
    path, stage = Path(file), current_stage(workspace.store, corpus, "embed")
    if stage is None or not path.is_file():
        raise UserError(f"no file {file}: name a picture or a video on this machine")
    models = WarmModels(workspace)
    # A copy: what is made of it on the way must not lie beside the user's file.
    with TemporaryFolder() as folder:
        copy = Path(folder) / f"query{path.suffix}"
        shutil.copyfile(path, copy)
        try:
            vectors = models.embed_file(stage, copy)
        finally:
            models.close()
    return np.asarray(vectors / np.linalg.norm(vectors), np.float32)
