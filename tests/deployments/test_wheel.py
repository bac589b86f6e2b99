"""The wheel, built from the source archive and installed elsewhere, used from an empty folder."""

import json
import os
import re
import site
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from support.commands import wait_until
from support.paths import REPOSITORY
from support.running import asked, free_ports

PACKAGES = ("data", "engines", "tasks", "flows")
Reelflow = Callable[..., str]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source archive, unpacked."""
    folder = tmp_path_factory.mktemp("archive")
    _build(REPOSITORY, "sdist", folder)
    [file] = folder.glob("*.tar.gz")
    with tarfile.open(file) as tar:
        tar.extractall(folder, filter="data")
    return Path(str(file).removesuffix(".tar.gz"))


@pytest.fixture(scope="module")
def wheel(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    _build(archive, "wheel", folder)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin of an environment that has the wheel, and the packages that it requires."""
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder)
    python = folder / "bin" / "python"
    subprocess.run([sys.executable, "-m", "pip", "--python", python, "install", "--no-deps",
                    "--no-index", "--no-compile", "-q", wheel], check=True)  # fmt: skip
    # Of a folder that a .pth names Python reads no .pth: the clone's own is not on the path.
    [packages] = folder.glob("lib/*/site-packages")
    (packages / "required.pth").write_text("\n".join(site.getsitepackages()))
    return python.parent


@pytest.fixture
def reelflow(installed: Path, tmp_path: Path) -> Reelflow:
    """Runs a command in an empty folder, and gives what it printed."""
    empty = tmp_path / "empty"
    empty.mkdir()
    environment = {
        "HOME": str(tmp_path), "PATH": f"{installed}{os.pathsep}/usr/bin{os.pathsep}/bin",
        "PREFECT_HOME": os.environ["PREFECT_HOME"], "REELFLOW_DECODERS": "1",
        "REELFLOW_RUNNER": "in_process",
    }  # fmt: skip

    def run(*words: str) -> str:
        done = subprocess.run(["reelflow", *words], cwd=empty, env=environment, text=True,
                              capture_output=True)  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.mark.slow
def test_everything_that_the_code_reads_travels(archive: Path, wheel: Path) -> None:
    read = _git("ls-files", *PACKAGES)
    assert all((archive / name).is_file() for name in [*read, "LICENSE", "CHANGELOG.md"])
    inside = set(zipfile.ZipFile(wheel).namelist())
    shipped = [file for file in (REPOSITORY / "deployments").rglob("*") if file.is_file()]
    beside = [f"tasks/service/shipped/{file.relative_to(REPOSITORY)}" for file in shipped]
    assert {*read, *beside, "tasks/service/shipped/prefect.yaml"} <= inside
    assert {name.split("/")[0] for name in inside} == {*PACKAGES, _metadata(wheel)}


@pytest.mark.slow
def test_the_archive_has_only_what_is_in_the_repository(archive: Path) -> None:
    tracked = _git("ls-files", "--others", "--cached", "--exclude-standard")
    files = {str(f.relative_to(archive)) for f in archive.rglob("*") if f.is_file()}
    assert files - set(tracked) == {"PKG-INFO"}


@pytest.mark.slow
def test_a_version_is_written_once_and_has_its_entry(reelflow: Reelflow, wheel: Path) -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert reelflow("--version") == f"reelflow {project['version']}\n"
    assert wheel.name.split("-")[1] == project["version"]


def test_the_changelog_begins_with_the_version() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    versions = re.findall(r"^## (\S+)", (REPOSITORY / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert versions[0] == project["version"] and versions[-1] == "0.1.0"
    assert versions == sorted(versions, reverse=True)


@pytest.mark.slow
@pytest.mark.commands
def test_a_folder_is_run_and_searched(reelflow: Reelflow, clips: Path, tmp_path: Path) -> None:
    """The bundled model, the canary, SQL and the pages' templates are all files of the wheel."""
    reelflow("run", "cats", "--source", str(clips), "--model", "reelflow-tiny")
    hits = json.loads(reelflow("search", "cats", "stripes that move", "-k", "4", "--json"))
    assert hits and {hit["video_id"] for hit in hits} <= {f"clip-{n}" for n in range(4)}
    (tmp_path / "prompts.txt").write_text("stripes that move\n")
    page = tmp_path / "hits.html"
    reelflow("retrieve", "cats", str(tmp_path / "prompts.txt"), "--out",
             str(tmp_path / "hits.parquet"), "--report", str(page))  # fmt: skip
    assert "stripes that move" in page.read_text()
    [written] = (tmp_path / "empty").iterdir()
    assert written.name == "reelflow-store"
    generated = json.loads(reelflow("generate", "cats", "--prompt", "a red circle", "--json"))
    assert generated["done"] == 1


@pytest.mark.slow
@pytest.mark.service
@pytest.mark.timeout(900)
def test_a_service_comes_up_with_every_deployment(reelflow: Reelflow) -> None:
    deployments = yaml.safe_load((REPOSITORY / "prefect.yaml").read_text())["deployments"]
    automations = [*(REPOSITORY / "deployments/automations").glob("*.yaml")]
    with _up(reelflow) as api:
        found = asked(f"{api}/deployments/filter", {"limit": 200})
        assert {each["name"] for each in found} == {each["name"] for each in deployments}
        assert len(asked(f"{api}/automations/filter", {})) == len(automations)
        run = asked(f"{api}/deployments/{_id(found, 'ingest')}/create_flow_run", {
            "parameters": {"source": "fake://3", "corpus": "made"}, "state": {"type": "SCHEDULED"},
        })["id"]  # fmt: skip

        def ended() -> str:
            state = asked(f"{api}/flow_runs/{run}")["state"]["type"]
            return state if state in ("COMPLETED", "FAILED", "CRASHED") else ""

        assert wait_until(ended, "a worker ran the deployment", 600) == "COMPLETED"
    assert "nothing was running" in reelflow("down")


@contextmanager
def _up(reelflow: Reelflow) -> Iterator[str]:
    [port] = free_ports(1)
    try:
        assert f":{port}" in reelflow("up", "--port", str(port))
        yield f"http://127.0.0.1:{port}/api"
    finally:
        reelflow("down")


def _git(*words: str) -> list[str]:
    done = subprocess.run(
        ["git", *words], cwd=REPOSITORY, text=True, capture_output=True, check=True
    )
    return done.stdout.splitlines()


def _id(found: list[dict], name: str) -> str:
    return next(each["id"] for each in found if each["name"] == name)


def _metadata(wheel: Path) -> str:
    return "-".join(wheel.name.split("-")[:2]) + ".dist-info"


def _build(source: Path, kind: str, folder: Path) -> None:
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", folder],
                   cwd=source, check=True, capture_output=True)  # fmt: skip
