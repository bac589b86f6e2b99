"""Annotation files of torch become tables; one with code in it is not opened."""

import os
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from data.errors import UserError
from engines.files.annotations import convert_annotations


class Evil:
    def __reduce__(self):
        return os.mkdir, (os.environ["EVIL"],)


def test_rows_and_their_arrays_become_a_table(tmp_path: Path) -> None:
    rows = [
        {"id": n, "video": f"a/{n}.mp4", "start_sec": 0.5, "end_sec": 2.0, "llm_caption": None,
         "motion_caption": "it moves", "text_embedding": np.arange(3, dtype=np.float32) + n,
         "clip_score": torch.tensor([0.25]), "ref_videos": [{"video": "b.mp4", "_distance": 0.1}]}
        for n in range(2)
    ]  # fmt: skip
    torch.save(rows, tmp_path / "train.pt")
    made = convert_annotations(str(tmp_path / "train.pt"), str(tmp_path / "train.parquet"))
    assert made["rows"] == 2
    [_, row] = pq.read_table(tmp_path / "train.parquet").to_pylist()
    assert row["text_embedding"] == [1.0, 2.0, 3.0] and row["clip_score"] == [0.25]
    assert row["ref_videos"] == [{"_distance": 0.1, "video": "b.mp4"}]
    assert (row["llm_caption"], row["motion_caption"]) == (None, "it moves")


def test_code_is_not_run_and_other_content_is_named(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("EVIL", str(tmp_path / "evil"))
    out = str(tmp_path / "out.parquet")
    torch.save([{"id": Evil()}], tmp_path / "evil.pt")
    with pytest.raises(UserError, match="code"):
        convert_annotations(str(tmp_path / "evil.pt"), out)
    assert not (tmp_path / "evil").exists() and not Path(out).exists()
    torch.save({"a": 1}, tmp_path / "dict.pt")
    with pytest.raises(UserError, match="dict"):
        convert_annotations(str(tmp_path / "dict.pt"), out)
    with pytest.raises(UserError, match=r"no\.pt"):
        convert_annotations(str(tmp_path / "no.pt"), out)
