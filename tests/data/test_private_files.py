"""Who may read what a run writes: its user and group, and nobody the folder of Ray."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from support.corpora import FAKE
from support.paths import REPOSITORY

from data.errors import UserError
from data.private_files import open_private_folder, restrict_new_files
from data.specs.pipeline import IndexSpec
from flows.embed import embed
from flows.index import index
from flows.ingest import ingest
from flows.pool import pool


@pytest.mark.usefixtures("plain_flows")
def test_the_whole_store_is_closed_to_others(workspace) -> None:
    ingest("fake://6?missing=1", "c")
    embed("c", FAKE)
    pool("c")
    index("c", IndexSpec(engine="flat", gate=0.0))
    root = workspace.store.local_path("")
    for path in [root, *root.rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert not mode & 0o027, f"{path} is {mode:o}"


def test_a_stricter_mask_of_the_user_stays() -> None:
    before = os.umask(0o077)
    try:
        restrict_new_files()
        assert os.umask(0o022) == 0o077
        restrict_new_files()
        assert os.umask(0) == 0o027 | 0o022
    finally:
        os.umask(before)


def test_a_log_of_a_command_is_closed_to_others(tmp_path: Path) -> None:
    script = "import os; os.umask(0o022)\nimport flows, sys; open(sys.argv[1], 'w').close()"
    command = [sys.executable, "-c", script, str(tmp_path / "worker.log")]
    subprocess.run(command, cwd=REPOSITORY, check=True)
    assert stat.S_IMODE((tmp_path / "worker.log").stat().st_mode) == 0o640


def test_the_private_folder_is_the_users_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/tmp")
    name = f"rf{os.getpid()}"
    folder = open_private_folder(name)
    try:
        folder.chmod(0o755)  # as another program left it
        assert open_private_folder(name) == folder
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        folder.rmdir()
        folder.symlink_to(tmp_path)
        with pytest.raises(UserError, match="another user"):
            open_private_folder(name)
    finally:
        folder.unlink(missing_ok=True)


@pytest.mark.slow
def test_the_folder_of_a_local_ray_is_private() -> None:
    script = """
import ray
from engines.runners.ray.cluster import connect_cluster
connect_cluster(None)
print(ray._private.worker._global_node.get_temp_dir_path())
ray.shutdown()
"""
    told = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, check=True,
                          capture_output=True, text=True).stdout  # fmt: skip
    folder = Path(told.strip().splitlines()[-1]).parent
    assert folder.name.startswith("reelflow-ray") and stat.S_IMODE(folder.stat().st_mode) == 0o700
