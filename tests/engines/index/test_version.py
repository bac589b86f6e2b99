import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.clustered import batches, clustered

from data.errors import UserError
from engines.index.kinds import flat
from engines.index.version import atomic_folder, describe_version, read_ids


def test_a_folder_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def half() -> None:
        with atomic_folder(tmp_path / "v") as folder:
            (folder / "half").write_text("done")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_appears_whole(tmp_path: Path) -> None:
    with atomic_folder(tmp_path / "deep" / "v") as folder:
        (folder / "all").write_text("done")
        assert not (tmp_path / "deep" / "v").exists()
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["v"]
    assert (tmp_path / "deep" / "v" / "all").read_text() == "done"


def test_a_version_describes_itself(tmp_path: Path) -> None:
    built = flat.build(batches(clustered(10)), tmp_path / "v")
    assert describe_version(tmp_path / "v") == built
    assert (built.path, built.key, built.count, built.dim) == (tmp_path / "v", "Flat", 10, 32)


def test_ids_out_of_order_are_refused(tmp_path: Path) -> None:
    flat.build(batches(clustered(10)), tmp_path / "v")
    path = tmp_path / "v" / "ids.parquet"
    pq.write_table(pq.read_table(path).take(list(range(9, -1, -1))), path)
    with pytest.raises(UserError, match=r"ids\.parquet"):
        read_ids(tmp_path / "v")


def test_ids_are_read_without_pandas_which_takes_longer_than_they_do(tmp_path: Path) -> None:
    flat.build(batches(clustered(10)), tmp_path / "v")
    script = """if True:
        import sys
        from pathlib import Path
        from engines.index.version import read_ids
        assert len(read_ids(Path(sys.argv[1]))) == 10
        assert "pandas" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "v")], check=True)
