"""Which errors of a task are worth another try."""

from typing import Any

from data.errors import UserError


def worth_retrying(task: Any, run: Any, state: Any) -> bool:
    """Not where somebody has to mend something first (a full disk, rights, a missing file)."""
    try:
        state.result()
    except UserError:
        return False
    except Exception:
        return True
    return True
