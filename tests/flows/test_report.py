"""The report flow and its command, on a run as `generate` leaves it."""

from pathlib import Path

import pytest
from support.generated import run_in

from flows.cli.generate import report as command
from flows.report import report

pytestmark = [pytest.mark.usefixtures("plain_flows"), pytest.mark.timeout(300)]


@pytest.mark.usefixtures("prefect_backend")
def test_a_page_and_its_sheet_are_written_and_named_by_an_artifact(workspace, clips: Path) -> None:
    from prefect.artifacts import Artifact

    run = run_in(workspace.store, ["a red circle"], sorted(clips.glob("*.mp4")))
    made = report(run.fingerprint[:5])
    page = workspace.store.local_path(f"{run.folder}/report.html")
    assert made["page"] == page and page.is_file() and made["sheet"].is_file()
    artifact = Artifact.get(key=f"report-{run.fingerprint}")
    assert f"`{page}`" in artifact.data and f"`{made['sheet']}`" in artifact.data


def test_the_command_writes_the_latest_where_it_is_told(
    workspace, clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    run = run_in(workspace.store, ["a red circle"], sorted(clips.glob("*.mp4")))
    out = tmp_path / "cats.html"
    command("latest", str(out))
    assert run.fingerprint in out.read_text()
    assert str(out) in capsys.readouterr().out
