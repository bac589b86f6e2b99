from collections.abc import Iterator
from pathlib import Path

import pytest

from data.errors import UserError
from data.storage import Store


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """An object store's bucket, served on this machine."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as env:
        env.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            env.setenv(name, "test")
        env.setenv("AWS_DEFAULT_REGION", "us-east-1")
        boto3.client("s3").create_bucket(Bucket="videos")
        yield "s3://videos"
    server.stop()


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """A store on disk, and one on an object store."""
    if request.param == "local":
        return Store(str(tmp_path / "s"))
    return Store(f"{request.getfixturevalue('bucket')}/{tmp_path.name}")


def test_what_is_written_is_read_and_listed(store: Store) -> None:
    store.write("a/b.json", b"1")
    store.write("a/a.json", b"2")
    store.write("a/c.parquet", b"3")
    assert store.read("a/b.json") == b"1"
    assert store.names("a", ".json") == ["a/a.json", "a/b.json"]
    assert store.exists("a/c.parquet")
    assert store.names("nowhere") == []


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
    with pytest.raises(UserError, match="not on this machine"):
        Store("memory://x").local("a")


def test_a_store_travels_to_workers(store: Store) -> None:
    import pickle

    assert pickle.loads(pickle.dumps(store)).root == store.root
