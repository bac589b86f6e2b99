"""Annotation files of `torch.save` as tables: their rows are read as data, and no code is run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import UserError


def convert_annotations(file: str, out: str) -> dict[str, Any]:
    """Writes the rows of a `.pt` file, a list of records, as Parquet; where, and how many.

    Tensors and arrays become lists. A UserError for a file that holds anything but plain data, or
    whose rows are no records.
    """
    if not out.endswith(".parquet"):
        raise UserError(f"{out} is no table: name a .parquet file to write")
    rows = _read_rows(file)
    try:
        table = pa.Table.from_pylist(
            [{str(k): _to_plain(v) for k, v in row.items()} for row in rows]
        )
    except (pa.ArrowException, TypeError) as error:
        raise UserError(f"{file} has a column of several types: {error}".splitlines()[0]) from error
    draft = Path(out).with_name(f".{Path(out).name}.part")
    draft.parent.mkdir(parents=True, exist_ok=True)
    try:
        pq.write_table(table, draft)
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)
    return {"table": out, "rows": len(table), "columns": ", ".join(table.column_names)}


def _read_rows(file: str) -> Sequence[Mapping[str, Any]]:
    import torch

    numpy_parts = [np.ndarray, np.dtype, *_list_numpy_helpers()]
    try:
        # What rebuilds an array is named here; all else that a pickle may call stays forbidden.
        with torch.serialization.safe_globals(numpy_parts):
            rows = torch.load(file, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise UserError(f"no file {file}") from error
    except Exception as error:  # of zip, of pickle, of torch: a broken file fails in any way
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise UserError(f"{file} is not read, as it is broken or holds code: {reason}") from error
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise UserError(f"{file} holds a {type(rows).__name__}, not a list of records")
    return rows


def _list_numpy_helpers() -> list[Any]:
    from numpy._core import multiarray

    kinds = ("float16", "float32", "float64", "int32", "int64", "bool")
    return [multiarray._reconstruct, multiarray.scalar, *(type(np.dtype(kind)) for kind in kinds)]


def _to_plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _to_plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_to_plain(each) for each in value]
    return value.tolist() if hasattr(value, "tolist") else value
