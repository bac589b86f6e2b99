from pathlib import Path

import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

from flows.cli import other_systems  # noqa: F401
from flows.cli.app import app


def test_a_checkpoint_is_converted_from_the_command_line(tmp_path: Path) -> None:
    model, out = torch.nn.Linear(2, 3), tmp_path / "best.safetensors"
    torch.save({"model": model}, tmp_path / "best.pt")
    ran = CliRunner().invoke(app, ["convert-checkpoint", str(tmp_path / "best.pt"), str(out)])
    assert ran.exit_code == 0, ran.output
    assert "tensors" in ran.output and "2" in ran.output
    assert torch.equal(load_file(out)["weight"], model.weight)
