"""Lists of videos, by names that somebody may have typed."""

from pathlib import Path

import pytest

from data.errors import UserError
from data.records import Video
from data.shards.lists import Shard, read_shard, shard_name, write_shard
from data.store.storage import Store

FOLDER = "corpora/c/embed/1a2b"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path))


def test_a_list_is_read_as_it_was_written(store: Store) -> None:
    written = Shard(shard_name(12), 1, (Video("a", "/a.mp4", "sha256:1", 2.0),))
    write_shard(store, FOLDER, written)
    assert read_shard(store, FOLDER, "000012") == written


@pytest.mark.parametrize("name", ["../../../../../planted", "/planted", "", "12", "000012/../x"])
def test_no_name_leads_out_of_the_folder(store: Store, name: str) -> None:
    write_shard(store, FOLDER, Shard("../../../../../planted", 1, ()))
    with pytest.raises(UserError, match="names no shard"):
        read_shard(store, FOLDER, name)
