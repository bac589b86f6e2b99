"""Writes the files that RAGME's scripts read: frame vectors, pooled vectors, neighbours, lists.

A file is named by `data.ids.file_name`, so ids with `/` or `.` stay in the folder and keep their
suffix readable; the JSON beside it carries the id itself.
"""

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import numpy as np

from data.ids import file_name
from data.records import Hit
from data.store.storage import Store

Precision = Literal["float16", "float32"]


def write_video(
    dest: str,
    video_id: str,
    frames: np.ndarray,
    record: Mapping[str, object],
    dtype: Precision = "float16",
) -> str:
    """Writes the video's `.npy` (F, D) and `.json` into `dest`; returns their name, less suffix."""
    name, store = file_name(video_id), Store(dest)  # an id may hold `/`
    store.write(f"{name}.npy", _encode_npy(frames, dtype))
    store.write(f"{name}.json", _encode_json(_build_record(video_id, record)))
    return name


def write_pooled(dest: str, video_id: str, vector: np.ndarray, dtype: Precision = "float16") -> str:
    """Writes the video's pooled vector, a `.npy` of (1, D), into `dest`; returns its name."""
    name = file_name(video_id)
    Store(dest).write(f"{name}.npy", _encode_npy(np.reshape(vector, (1, -1)), dtype))
    return name


def write_prompt(
    dest: str, name: str, text: str, vector: np.ndarray, dtype: Precision = "float16"
) -> None:
    """Writes a prompt's vector and text; RAGME numbers prompts `000`, `001`, …"""
    write_pooled(dest, name, vector, dtype)
    Store(dest).write(f"{file_name(name)}.json", _encode_json({"txt": text.strip()}))


def neighbours_folder(k: int, radius: float, dedup: float) -> str:
    """The folder, below the prompts' or videos' own, where RAGME looks for neighbours."""
    return f"nearest_neighbors/nn_{k}-rad_{radius}-dedup_{dedup}"


def write_neighbours(dest: str, name: str, hits: Sequence[Hit]) -> None:
    """Writes the neighbours of one prompt or video, best first; RAGME stores scores as text."""
    ranked = sorted(hits, key=lambda hit: hit.rank)
    columns: dict[str, object] = {
        "videoID": [hit.video_id for hit in ranked],
        "txt": [hit.caption or "" for hit in ranked],
        "videoLoc": [hit.uri for hit in ranked],
        # Through float: numpy's own scalars would print as np.float32(…).
        "dist": [str(float(hit.score)) for hit in ranked],
    }
    Store(dest).write(f"{file_name(name)}.json", _encode_json(columns))


def write_list(path: str, frames_folder: str, ids: Iterable[str]) -> None:
    """Writes one line per index row: the path of the row's file, whose JSON lies beside it."""
    folder = frames_folder.rstrip("/")
    # In the order of an index built from the pooled files, which autofaiss sorts by path.
    lines = sorted(f"{folder}/{file_name(id)}.npy\n" for id in ids)
    where, _, name = path.rpartition("/")
    with Store(where or ".").create(name) as out:
        out.writelines(line.encode() for line in lines)


def _build_record(video_id: str, record: Mapping[str, object]) -> dict[str, object]:
    """The record with a text for its caption: RAGME tokenises `txt` whatever it holds."""
    caption = record.get("txt")
    return {**record, "txt": "" if caption is None else caption, "videoID": video_id}


def _encode_npy(array: np.ndarray, dtype: Precision) -> bytes:
    if array.ndim != 2:
        raise ValueError(f"vectors have shape {array.shape}, not (frames, width)")
    out = io.BytesIO()
    # Little-endian and in C order, whatever the machine: readers compare the bytes of copies.
    plain = np.ascontiguousarray(array, np.dtype(dtype).newbyteorder("<"))
    np.save(out, plain, allow_pickle=False)
    return out.getvalue()


def _encode_json(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, indent=4).encode()
