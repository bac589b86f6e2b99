"""The flows that prepare a benchmark: clips, reference embeddings and lists."""

from typing import Any, Literal

from prefect import flow

from data.settings import Settings
from data.specs.evaluate import EvaluateSpec
from data.workspace import open_workspace
from tasks.evaluate.benchmark_embed import embed_folder
from tasks.evaluate.benchmark_prepare import prepare_benchmark, write_lists
from tasks.ui.hooks import HOOKS


@flow(name="benchmark-prepare", **HOOKS)
def benchmark_prepare(
    annotations: str, videos: str, out: str, inpaint: str | None = None, seed: int = 0
) -> dict[str, Any]:
    """Cuts the annotated clips, with their frames, cut-outs and backgrounds.

    Existing files are kept and nothing is deleted.

    Args:
        annotations: Folder of the benchmark's unpacked annotations.
        videos: Folder of MSR-VTT's videos.
        out: Folder to write, with a folder for each clip.
        inpaint: Folder of a Stable Diffusion inpainting pipeline; no backgrounds if left out.
        seed: Random seed of the inpainting, the same for each clip.
    """
    return prepare_benchmark(open_workspace(Settings()), annotations, videos, out, inpaint, seed)


@flow(name="benchmark-embed", **HOOKS)
def benchmark_embed(
    source: str,
    out: str,
    weights: str | None = None,
    spec: EvaluateSpec | None = None,
    layout: Literal["parquet", "official"] = "parquet",
    annotations: str | None = None,
) -> dict[str, Any]:
    """Computes the benchmark's reference embeddings; existing ones are kept.

    Args:
        source: Folder of prepared clips, or the benchmark's miniature.
        out: Folder to write.
        weights: Folder of the models' weights under their published names.
        spec: CLIP's precision, and paths of weights under other names; the usual if left out.
        layout: A Parquet file for each clip, or the files that the official scripts write.
        annotations: Folder of annotations whose order of faces to keep.
    """
    spec = spec or EvaluateSpec()
    workspace = open_workspace(Settings())
    return embed_folder(workspace, source, out, spec, weights, layout, annotations)


@flow(name="benchmark-lists", **HOOKS)
def benchmark_lists(
    data: str, out: str = ".", mode: Literal["subject", "face", "all"] = "all"
) -> dict[str, Any]:
    """Writes the lists of prompts and reference images that a generator is given.

    Args:
        data: Folder of prepared clips; paths in the lists begin with it as written here.
        out: Folder to write the lists to.
        mode: Which lists to write.
    """
    return write_lists(data, out, ("subject", "face") if mode == "all" else (mode,))
