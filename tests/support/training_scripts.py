"""Training scripts of the small models, run as a user runs them, for two steps each."""

from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import pytest
import torch


def run_scripts(made: Path, scripts: Iterable[ModuleType]) -> Path:
    """The folder `made/model` that the scripts have written into, one after the other."""
    threads = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        for script in scripts:
            checkpoint = str(made / f"{script.__name__}.pt")
            options = ["--steps", "2", "--folder", str(made / "model"), "--checkpoint", checkpoint]
            patch.setattr("sys.argv", ["script", *options])
            script.main()
    torch.set_num_threads(threads)
    return made / "model"
