"""The catalogue's file: made on a full disk, or cut short as it was made."""

from pathlib import Path

import pytest
from support.disks import mounted

from data.catalog.database import MIN_FILE_BYTES, open_catalog
from data.errors import UserError


@pytest.mark.parametrize("left", [0, 4096, 8192, 12288])
def test_a_catalogue_is_made_once_a_full_disk_has_room_again(left: int, tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "4m") as disk:
        if disk is None:
            pytest.skip("only a privileged root can mount a small disk")
        path = disk.folder / "catalog.duckdb"
        disk.fill(but=left)
        with pytest.raises(UserError, match="room"), open_catalog(path, 60):
            pass
        disk.empty()
        with open_catalog(path, 60) as catalog:
            assert catalog.execute("SELECT count(*) FROM videos") == [(0,)]


@pytest.mark.parametrize("size", [0, 1, 4096, MIN_FILE_BYTES - 1])
def test_a_catalogue_that_a_kill_left_half_made_is_made_anew(size: int, tmp_path: Path) -> None:
    path = tmp_path / "catalog.duckdb"
    with open_catalog(path, 60):
        pass
    path.write_bytes(path.read_bytes()[:size])
    with open_catalog(path, 60) as catalog:
        assert catalog.execute("SELECT count(*) FROM videos") == [(0,)]
