"""The files beside the code that the service needs: prefect.yaml, and all of `deployments/`."""

from pathlib import Path

from data.errors import UserError

CLONE = Path(__file__).parents[2]
INSTALLED = Path(__file__).with_name("shipped")  # where pyproject.toml has a wheel put them


def find_shipped() -> Path:
    """Returns the folder of prefect.yaml and `deployments/`, of a clone or of an installed wheel.

    Raises a UserError if they are in neither.
    """
    for folder in (INSTALLED, CLONE):
        if (folder / "prefect.yaml").is_file():
            return folder
    raise UserError(
        f"prefect.yaml is neither in {INSTALLED} nor in {CLONE}: the installation is incomplete;"
        " install reelflow's wheel again"
    )


def is_clone() -> bool:
    """Whether the code runs from a clone of the repository."""
    return not INSTALLED.is_dir() and (CLONE / "pyproject.toml").is_file()
