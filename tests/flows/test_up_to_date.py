"""A run that would change nothing ends at once; a search imports nothing that orchestrates."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from data.runs.nights import read_last_night
from data.specs.pipeline import EmbedSpec
from data.workspace import Workspace
from flows.ingest import ingest
from flows.pipeline import pipeline
from flows.withdraw import withdraw
from tasks.up_to_date import UpToDate, find_up_to_date

HEAVY = ("prefect", "ray", "torch", "torchvision", "open_clip", "av", "autofaiss", "transformers")
SCRIPT = f"""
import json, sys
from flows.cli.main import main
try:
    main()
except SystemExit as exit:
    assert not exit.code, exit.code
print(json.dumps([name for name in {HEAVY} if name in sys.modules]))
"""

pytestmark = [pytest.mark.usefixtures("plain_flows"), pytest.mark.timeout(120)]


def run_command(*words: str) -> list[str]:
    command = [sys.executable, "-c", SCRIPT, *words]  # its arguments are the command's
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_what_has_nothing_to_do_starts_and_imports_nothing_for_it(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
    spec = EmbedSpec(engine="fake", every_nth=1)
    pipeline("c", "fake://6?undecodable=1&frames=4", embed_spec=spec)
    assert find_up_to_date(workspace, "c") == UpToDate("v0001", done=5, failed=1)
    before = read_last_night(workspace.store, "c")
    assert run_command("run", "c") == []
    assert run_command("search", "c", "a horse") == []
    assert before < read_last_night(workspace.store, "c")

    withdraw("fake-000002", "c")
    assert find_up_to_date(workspace, "c") is None, "its vector is still in the index"
    ingest("fake://7?undecodable=1&frames=4", "c")
    assert find_up_to_date(workspace, "c") is None, "a new video"


def test_a_failure_that_may_pass_is_something_to_do(workspace: Workspace) -> None:
    spec = EmbedSpec(engine="fake", every_nth=1)
    pipeline("c", "fake://4?missing=1&frames=4", embed_spec=spec)
    assert find_up_to_date(workspace, "c") is None


def test_an_index_of_frames_that_is_behind_is_something_to_do(workspace: Workspace) -> None:
    spec = EmbedSpec(engine="fake", every_nth=1)
    pipeline("c", "fake://4?frames=4", embed_spec=spec, index_frames=True)
    assert find_up_to_date(workspace, "c") is not None
    pipeline("c", "fake://5?frames=4", embed_spec=spec, index_frames=False)
    assert find_up_to_date(workspace, "c") is None, "its index of videos is, that of frames is not"
    pipeline("c")
    assert find_up_to_date(workspace, "c") is not None
