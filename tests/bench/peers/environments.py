"""An environment for each peer, made once by uv below the bench's folder: none of ours changes."""

import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

SAME = ("torch", "torchvision", "open_clip_torch", "numpy", "safetensors")  # our versions of them
ANY = ("pandas", "pyarrow", "webdataset>=0.2")  # clip-video-encode wants older


class Skipped(Exception):
    """A peer that cannot be measured here, and why."""


def make_environment(folder: Path, name: str, packages: tuple[str, ...]) -> str:
    """The Python of the peer's environment, with its packages; Skipped where that fails.

    Versions that the packages declare are overridden by ours for everything that computes.
    """
    made = folder / name
    pins = [f"{package}=={metadata.version(package)}" for package in SAME]
    wanted, mark = "\n".join([*packages, *pins]), made / "installed.txt"
    python = made / "bin" / "python"
    if not (mark.is_file() and mark.read_text() == wanted):
        uv = find_uv()
        folder.mkdir(parents=True, exist_ok=True)
        overrides = folder / f"{name}.txt"
        overrides.write_text("\n".join([*pins, *ANY]))
        _call(name, [uv, "venv", "--allow-existing", "--python", sys.executable, str(made)])
        install = [uv, "pip", "install", "--compile-bytecode", "--python", str(python)]
        _call(name, [*install, "--override", str(overrides), *pins, *packages])
        mark.write_text(wanted)
    return str(python)


def find_uv() -> str:
    """The path of uv: beside our Python, or anywhere."""
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.is_file() else shutil.which("uv")
    if not found:
        raise Skipped("there is no uv to make its environment with")
    return found


def _call(name: str, command: list[str]) -> None:
    ended = subprocess.run(command, capture_output=True, text=True)
    if ended.returncode:
        raise Skipped(f"not installed: {explain_failure(ended.stderr)}")


def explain_failure(said: str) -> str:
    """What matters of uv's complaint, in one line."""
    lines = [line.strip(" │╰─▶×\t") for line in said.splitlines()]
    lines = [line for line in lines if line and not line.startswith("hint:")]
    return " ".join(lines)[:300] or "uv said nothing"
