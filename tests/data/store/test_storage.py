import os
import sys
import time
from collections.abc import Iterator
from functools import partialmethod
from pathlib import Path

import numpy as np
import pytest
from support import buckets

from data.errors import UserError
from data.store.storage import Store


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """A store on disk, and one on an object store."""
    if request.param == "local":
        return Store(str(tmp_path / "s"))
    request.getfixturevalue("bucket")
    return Store(f"s3://videos/{tmp_path.name}")


def test_what_is_written_is_read_and_listed(store: Store) -> None:
    store.write("a/b.json", b"1")
    store.write("a/a.json", b"2")
    store.write("a/c.parquet", b"3")
    assert store.read("a/b.json") == b"1"
    assert store.list_names("a", ".json") == ["a/a.json", "a/b.json"]
    assert store.exists("a/c.parquet")
    assert store.list_names("nowhere") == []


def test_a_file_is_not_there_before_it_is_whole(store: Store) -> None:
    with store.create("a/half") as out:
        out.write(b"12")
        assert not store.exists("a/half")
    assert store.read("a/half") == b"12"


def test_a_failed_write_leaves_nothing(store: Store, tmp_path) -> None:
    with pytest.raises(RuntimeError), store.create("a/never") as out:
        out.write(b"12")
        raise RuntimeError
    assert not store.exists("a/never")
    assert [f for f in tmp_path.rglob("*") if f.is_file()] == []


def test_a_failed_write_keeps_what_was_there(store: Store) -> None:
    store.write("a", b"old")
    with pytest.raises(RuntimeError), store.create("a") as out:
        out.write(b"new")
        raise RuntimeError
    assert store.read("a") == b"old"


def test_a_remote_store_has_no_local_path() -> None:
    with pytest.raises(UserError, match="memory://x"):
        Store("memory://x").local_path("a")


def test_a_store_travels_to_workers(store: Store) -> None:
    import pickle

    assert pickle.loads(pickle.dumps(store)).root == store.root


@pytest.fixture
def remote(bucket: buckets.Bucket, tmp_path: Path) -> Store:
    return Store(f"s3://videos/{tmp_path.name}")


def test_what_others_write_is_seen(remote: Store) -> None:
    import boto3

    remote.write("a/1", b"1")
    assert remote.list_names("a") == ["a/1"] and not remote.exists("a/2")
    key = f"{remote.root.removeprefix('s3://videos/')}/a/2"
    boto3.client("s3").put_object(Bucket="videos", Key=key, Body=b"2")
    assert remote.list_names("a") == ["a/1", "a/2"] and remote.exists("a/2")


def test_of_two_who_claim_a_name_one_has_it(remote: Store) -> None:
    assert [remote.write_if_absent("a", b"1"), remote.write_if_absent("a", b"2")] == [True, False]
    assert remote.read("a") == b"1"


@pytest.fixture
def luck(monkeypatch: pytest.MonkeyPatch) -> Iterator[float]:
    """The share of its time that a client waits, which else is drawn anew before each try."""
    from botocore.retries.standard import ExponentialBackoff
    from s3fs import S3FileSystem

    share = 0.05
    drawn = partialmethod(ExponentialBackoff.__init__, random=lambda: share)
    monkeypatch.setattr(ExponentialBackoff, "__init__", drawn)
    S3FileSystem.clear_instance_cache()  # whose clients were made with others
    yield share
    S3FileSystem.clear_instance_cache()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("which", "how"),
    [
        *(("PUT", how) for how in (buckets.THROTTLED, buckets.BROKEN, buckets.NOT_REACHED)),
        *(("GET", how) for how in (buckets.THROTTLED, buckets.BROKEN, buckets.NOT_REACHED)),
        ("POST", buckets.THROTTLED),
        ("POST", buckets.RESET),  # others are made again on another connection first, at once
    ],
)
def test_a_request_that_fails_is_made_again_ever_more_slowly(
    bucket: buckets.Bucket, luck: float, tmp_path: Path, which: str, how: str
) -> None:
    remote = Store(f"s3://videos/{tmp_path.name}")
    bucket.struck.clear()
    bucket.fail(4, which, how)
    remote.write("a/1", b"1")
    with remote.create("a/2") as out:
        out.write(b"2")
    assert (remote.list_names("a"), remote.read("a/1"), remote.read("a/2")) == (
        ["a/1", "a/2"], b"1", b"2",
    )  # fmt: skip
    assert bucket.failing == 0
    assert (np.diff(bucket.struck) > 0.95 * luck * np.array([1, 2, 4])).all()


def test_who_is_throttled_for_ever_is_told_so(
    bucket: buckets.Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr("s3fs.S3FileSystem.retries", 2)
    bucket.fail(1000)
    with pytest.raises(OSError, match="request rate"):
        Store(f"s3://videos/{tmp_path.name}").write("a", b"1")
    bucket.fail(0)


def test_parts_of_an_upload_that_was_cut_short_are_dropped(remote: Store) -> None:
    def uploads() -> list[str]:
        found = remote.fs.call_s3("list_multipart_uploads", Bucket="videos").get("Uploads", [])
        return [each["Key"].rsplit("/", 1)[-1] for each in found]

    for name in ("a/half", "ab/other"):
        out = remote.fs.open(remote.path(name), "wb", autocommit=False)
        out.write(b"1" * 2**20)
        out.close()  # and never completed, as by a process that is killed
        assert not remote.exists(name)
    remote.drop_partials("a")
    assert uploads() == ["other"]


def test_storage_whose_library_is_not_there_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(UserError, match=r"gs://videos: .*[Ii]nstall gcsfs"):
        Store("gs://videos")


def test_a_password_in_the_address_is_refused() -> None:
    with pytest.raises(UserError, match="password") as refused:
        Store("s3://key:planted@videos/a")
    assert "planted" not in str(refused.value)


def test_ages_are_by_the_stores_clock(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.write("a", b"1")
    monkeypatch.setattr(time, "time", lambda: 0.0)  # this machine is off by decades
    assert 0 <= store.age("a") < 600
    assert store.list_names("locks") == []
    if store.is_local:
        os.utime(store.local_path("a"), (0, 0))
        assert store.age("a") > 1e9
