"""Writes systemd user units of the service, whose processes systemd starts again when they die."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from data.errors import UserError
from data.store.disk_errors import translate_disk_errors
from tasks.service.shipped import find_shipped

TARGET = "reelflow.target"
# What the service and its runs need of the shell that wrote the units: no more of it is stored.
PREFIXES = ("REELFLOW_", "PREFECT_", "RAY_", "AWS_", "HF_", "GOOGLE_", "AZURE_", "OMP_", "CUDA_")
NAMES = (
    "PATH", "LANG", "DO_NOT_TRACK", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "TMPDIR",
    *(f"{name}_PROXY" for name in ("HTTP", "HTTPS", "ALL", "NO")),
    *(f"{name}_proxy" for name in ("http", "https", "all", "no")),
)  # fmt: skip
SET_UP = "set-up"  # the name of the unit that deploys, once the server answers
UNIT = """\
[Unit]
Description=reelflow: {name}
PartOf={target}
{order}
StartLimitIntervalSec=0

[Service]
{kind}
WorkingDirectory={folder}
EnvironmentFile={environment}
ExecStart={command}
Restart=on-failure
RestartSec=5
TimeoutStopSec=60

[Install]
WantedBy={target}
"""
TARGET_UNIT = """\
[Unit]
Description=reelflow: Prefect's server, workers and what they need
Wants={units}

[Install]
WantedBy=default.target
"""


def unit_folder() -> Path:
    """Returns the folder in which systemd looks for this user's units."""
    configuration = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(configuration) / "systemd" / "user"


def write_units(
    folder: Path, environment_file: Path, environment: Mapping[str, str],
    commands: Mapping[str, list[str]],
) -> list[Path]:  # fmt: skip
    """Writes a unit for each command, one that sets the server up, and a target of them all.

    `commands` has the server's under "server"; the others start after it. The environment, which
    may hold credentials, goes into a file that only this user can read.
    """
    set_up = [sys.executable, "-m", "tasks.service.set_up"]
    with translate_disk_errors(str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
        environment_file.parent.mkdir(parents=True, exist_ok=True)
        environment_file.touch(mode=0o600)
        environment_file.chmod(0o600)
        environment_file.write_text(_format_environment(environment))
        units = {}
        for name, words in {**commands, SET_UP: set_up}.items():
            units[f"reelflow-{name}.service"] = UNIT.format(
                name=name, target=TARGET, folder=_escape(str(find_shipped())),
                environment=_escape(str(environment_file)), command=_quote_words(words),
                order="" if name == "server" else "After=reelflow-server.service",
                kind="Type=oneshot\nRemainAfterExit=yes" if name == SET_UP else "Type=exec",
            )  # fmt: skip
        units[TARGET] = TARGET_UNIT.format(units=" ".join(units))
        for file, text in units.items():
            (folder / file).write_text(text)
    return [folder / file for file in units]


def _format_environment(environment: Mapping[str, str]) -> str:
    lines = []
    for name, value in sorted(environment.items()):
        if name.startswith(PREFIXES) or name in NAMES:
            if "\n" in value:
                raise UserError(f"{name} has several lines, which a unit's environment cannot")
            lines.append(f'{name}="{_backslash(value)}"\n')
    return "".join(lines)


def _quote_words(words: list[str]) -> str:
    return " ".join(
        '"' + _escape(word.replace("\\", "\\\\").replace('"', '\\"')) + '"' for word in words
    )


def _backslash(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _escape(text: str) -> str:
    """Text in which systemd replaces nothing: no specifier, no variable."""
    return text.replace("%", "%%").replace("$", "$$")
