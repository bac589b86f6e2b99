"""What Prefect calls when a flow of ours ends: the hooks of every flow that is deployed."""

from typing import Any

from tasks.service.orphans import end_tasks
from tasks.ui.final_state import name_state

# A run whose worker has died as well has no hooks.
HOOKS: dict[str, Any] = {
    "on_completion": [name_state],
    "on_crashed": [end_tasks],
    "on_cancellation": [end_tasks],
}
