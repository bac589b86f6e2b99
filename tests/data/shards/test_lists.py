"""Lists of items, by names that somebody may have typed."""

import json
from pathlib import Path
from typing import Any

import pytest

from data.errors import UserError
from data.records import Video
from data.shards.lists import Shard, add_shards, read_shard, shard_name, write_shard
from data.store import layout
from data.store.storage import Store

FOLDER = "corpora/c/embed/1a2b"
VIDEO = Video("a", "/a.mp4", "sha256:1", 2.0)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path))


def read_video(payload: dict[str, Any]) -> Video:
    return Video(**payload)


def test_a_list_is_read_as_it_was_written(store: Store) -> None:
    shard = Shard(shard_name(12), 1, (VIDEO,))
    write_shard(store, FOLDER, shard)
    assert read_shard(store, FOLDER, "000012", read_video) == shard


def test_items_are_listed_in_new_shards_of_one_size(store: Store) -> None:
    write_shard(store, FOLDER, Shard(shard_name(12), 1, (VIDEO,)))
    videos = [Video(id, f"/{id}.mp4", id) for id in "bcd"]
    assert add_shards(store, FOLDER, videos, 2, attempt=3) == ["000013", "000014"]
    assert read_shard(store, FOLDER, "000014", read_video) == Shard("000014", 3, (videos[2],))


def test_a_list_of_0_1_0_is_read(store: Store) -> None:
    payload = {"id": "000000", "attempt": 2, "videos": [{"id": "a", "uri": "/a", "content": "1"}]}
    store.write(layout.shard_list(FOLDER, "000000"), json.dumps(payload).encode())
    shard = read_shard(store, FOLDER, "000000", read_video)
    assert shard == Shard("000000", 2, (Video("a", "/a", "1"),))


@pytest.mark.parametrize("name", ["../../../../../planted", "/planted", "", "12", "000012/../x"])
def test_no_name_leads_out_of_the_folder(store: Store, name: str) -> None:
    write_shard(store, FOLDER, Shard("../../../../../planted", 1, ()))
    with pytest.raises(UserError, match="shard name"):
        read_shard(store, FOLDER, name, read_video)
