"""Looks for known faults of the locked dependencies, by pip-audit: `python tests/scan.py`.

Ends with 1 where a release mends one that is not accepted here. Faults that nothing mends yet are
said and pass, and where nobody tells what is known, it says that nothing was scanned.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

LOCK = Path(__file__).parents[1] / "requirements.lock"
ACCEPTED: dict[str, str] = {}  # id of a fault: why the release that mends it is not taken


def main(*options: str, lock: Path = LOCK) -> int:
    """`options` go to pip-audit, as `--vulnerability-service osv`."""
    with tempfile.TemporaryDirectory() as folder:
        first = Path(folder, "first.txt")
        first.write_text(lock.read_text().split("\n    # via")[0] + "\n")
        try:
            if not _answered(_asked(first, options)):
                print("dependencies: not scanned, the service here knows nothing of them")
                return 0
            return _tell(_asked(lock, options))
        except ConnectionError as error:
            print(f"dependencies: not scanned, {error}")
            return 0


def _asked(lock: Path, options: tuple[str, ...]) -> list[dict]:
    """What is known of each package of a lock file; a ConnectionError where nobody answers."""
    words = ["-m", "pip_audit", "--requirement", str(lock), "--require-hashes", "--disable-pip",
             "--format", "json", "--progress-spinner", "off", *options]  # fmt: skip
    ran = subprocess.run([sys.executable, *words], capture_output=True, text=True)
    if not ran.stdout.strip():
        raise ConnectionError((ran.stderr.strip().splitlines() or ["pip-audit said nothing"])[-1])
    return json.loads(ran.stdout)["dependencies"]


def _answered(known: list[dict]) -> list[dict]:
    return [package for package in known if "skip_reason" not in package]


def _tell(known: list[dict]) -> int:
    scanned, failed = _answered(known), False
    for package in scanned:
        for fault in package["vulns"]:
            which = f"{package['name']} {package['version']}: {fault['id']}"
            mended = ", ".join(fault["fix_versions"])
            if mended and fault["id"] not in ACCEPTED:
                failed = True
                print(f"{which} is mended in {mended}: make lock")
            else:
                print(f"{which}, {ACCEPTED.get(fault['id'], 'which nothing mends yet')}")
    missed = [package["name"] for package in known if package not in scanned]
    print(f"dependencies: {len(scanned)} scanned" + (f", not {', '.join(missed)}" * bool(missed)))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
