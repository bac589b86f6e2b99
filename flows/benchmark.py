"""The flows of a benchmark's data: its clips, what models make of them, and the lists of both."""

from typing import Any, Literal

from prefect import flow

from data.settings import Settings
from data.specs.evaluate import EvaluateSpec
from data.workspace import open_workspace
from tasks.evaluate.benchmark_embed import embed_folder
from tasks.evaluate.benchmark_prepare import prepare, write_lists


@flow(name="benchmark-prepare")
def benchmark_prepare(
    annotations: str, videos: str, out: str, inpaint: str | None = None, seed: int = 0
) -> dict[str, Any]:
    """Cuts the clips that are annotated, with their frames, cut-outs and backgrounds.

    What is there stays, however often it is run; nothing is ever deleted.

    Args:
        annotations: the unpacked folder of the benchmark's annotations
        videos: the folder of MSR-VTT's videos
        out: the folder to make, with a folder for each clip
        inpaint: a folder with a Stable Diffusion inpainting pipeline; without, no backgrounds
        seed: of the inpainting, the same for each clip
    """
    return prepare(open_workspace(Settings()), annotations, videos, out, inpaint, seed)


@flow(name="benchmark-embed")
def benchmark_embed(
    source: str,
    out: str,
    weights: str | None = None,
    spec: EvaluateSpec = EvaluateSpec(),
    layout: Literal["parquet", "official"] = "parquet",
    annotations: str | None = None,
) -> dict[str, Any]:
    """Makes the vectors that videos are compared with; what is made stays.

    Args:
        source: a prepared folder of clips, or the benchmark's miniature
        out: the folder to make
        weights: a folder of the models' weights, under the names they are published with
        spec: CLIP's precision, and paths of weights of other names
        layout: a Parquet file for each clip, or the files that the official scripts leave
        annotations: the folder of annotations, whose order of faces is then kept
    """
    workspace = open_workspace(Settings())
    return embed_folder(workspace, source, out, spec, weights, layout, annotations)


@flow(name="benchmark-lists")
def benchmark_lists(
    data: str, out: str = ".", mode: Literal["subject", "face", "all"] = "all"
) -> dict[str, Any]:
    """Writes the lists of prompts and reference pictures that a generator is given.

    Args:
        data: a prepared folder; paths in the lists begin as it is written here
        out: the folder to write the lists to
        mode: whose lists; all of them by default
    """
    return write_lists(data, out, ("subject", "face") if mode == "all" else (mode,))
