"""The units that `reelflow up --systemd` writes: systemd takes them, and starts again what dies."""

import os
import shlex
import shutil
import stat
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest
from support.buckets import SECRET

from data.errors import UserError
from data.settings import Settings
from tasks.service.commands import ServiceOptions, build_environment, service_commands
from tasks.service.set_up import main as set_up
from tasks.service.systemd import TARGET, write_units

API = "http://127.0.0.1:4200/api"


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("REELFLOW_ROOT", 'a "store" with $ and %')
    monkeypatch.setenv("SOMEBODY_ELSES", "not passed on")
    service, units = tmp_path / "a service of 100%", tmp_path / "units"
    commands = service_commands("127.0.0.1", 4200, ServiceOptions(limit=2, metrics=4201))
    environment = build_environment(Settings(), service, API)
    files = write_units(units, service / "environment", environment, commands)
    return {file.name: file for file in files} | {"environment": service / "environment"}


def _parse(file: Path) -> ConfigParser:
    parser = ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[method-assign, assignment]
    parser.read_string(file.read_text())
    return parser


def test_every_process_is_started_again_where_it_fails(written: dict[str, Path]) -> None:
    services = {name: _parse(file) for name, file in written.items() if name.endswith(".service")}
    assert {name.removeprefix("reelflow-") for name in services} == {
        "server.service", "worker.service", "backfill-worker.service", "metrics.service",
        "set-up.service",
    }  # fmt: skip
    wanted = _parse(written[TARGET])["Unit"]["Wants"].split()
    assert set(wanted) == services.keys()
    for name, unit in services.items():
        assert unit["Service"]["Restart"] == "on-failure", name
        assert shlex.split(unit["Service"]["ExecStart"])[0] == sys.executable
        is_first = name == "reelflow-server.service"
        assert is_first or unit["Unit"]["After"] == "reelflow-server.service"


def test_the_environment_is_the_service_s_and_nobody_else_can_read_it(
    written: dict[str, Path],
) -> None:
    file = written["environment"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    given = dict(shlex.split(line)[0].split("=", 1) for line in file.read_text().splitlines())
    assert given["PREFECT_API_URL"] == API
    assert given["REELFLOW_ROOT"].endswith('a "store" with $ and %')
    assert given["AWS_SECRET_ACCESS_KEY"] == SECRET
    assert "SOMEBODY_ELSES" not in given and "127.0.0.1" in given["NO_PROXY"]
    others = [path for path in written.values() if path != file]
    assert not any(SECRET in path.read_text() for path in others)


def test_systemd_itself_finds_no_fault(written: dict[str, Path]) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed")
    units = [str(file) for name, file in written.items() if name != "environment"]
    checked = subprocess.run(
        [program, "verify", "--user", *units], capture_output=True, text=True,
        env={"PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(written[TARGET].parent)},
    )  # fmt: skip
    mine = [line for line in checked.stderr.splitlines() if "reelflow" in line]
    assert (checked.returncode, mine) == (0, [])


def test_a_value_that_no_unit_can_have_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="REELFLOW_ROOT"):
        write_units(tmp_path, tmp_path / "environment", {"REELFLOW_ROOT": "a\nb"}, {})


def test_what_sets_the_server_up_fails_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    monkeypatch.setattr("tasks.service.set_up.HEALTHY_S", 0.0)
    with pytest.raises(SystemExit, match=r"127\.0\.0\.1:9"):
        set_up()


def test_the_command_says_how_they_are_started(tmp_path: Path) -> None:
    environment = os.environ | {
        "XDG_CONFIG_HOME": str(tmp_path), "REELFLOW_ROOT": f"{tmp_path}/s",
        "PREFECT_SERVER_API_AUTH_STRING": SECRET,
    }  # fmt: skip
    command = [sys.executable, "-m", "flows.cli.main", "up", "--systemd", "--limit", "2"]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "systemd" / "user" / TARGET).is_file()
    assert f"systemctl --user enable --now {TARGET}" in ran.stdout
    given = (tmp_path / "s" / "service" / "environment").read_text()
    assert f'PREFECT_API_AUTH_STRING="{SECRET}"' in given, "workers could not log in"


def test_the_page_listens_to_others_with_a_password_only(monkeypatch: pytest.MonkeyPatch) -> None:
    options = ServiceOptions(browse=4300)
    monkeypatch.delenv("REELFLOW_BROWSE_PASSWORD", raising=False)
    here = service_commands("0.0.0.0", 4200, options)["browse"]
    assert here[-4:] == ["--host", "127.0.0.1", "--port", "4300"]
    monkeypatch.setenv("REELFLOW_BROWSE_PASSWORD", "secret")
    assert "0.0.0.0" in service_commands("0.0.0.0", 4200, options)["browse"]
    assert "browse" not in service_commands("0.0.0.0", 4200, ServiceOptions())
