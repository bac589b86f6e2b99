"""A folder in ZeroScope's layout and a controller of one's own, through the command itself."""

import json
from pathlib import Path

import pytest
from support import zeroscope

from engines.generate.ragme import checkpoint
from engines.nets.controller import Controller
from engines.nets.controller_config import ControllerConfig

pytestmark = [pytest.mark.usefixtures("prefect_backend"), pytest.mark.timeout(300)]

SHAPES = ("--model", "reelflow-tiny", "--precision", "fp32")
DIM = 128  # of the bundled CLIP's frame vectors


@pytest.fixture
def models(tmp_path: Path) -> tuple[Path, Path]:
    """Folders of a base and of a controller for it, with random weights."""
    base, controller = tmp_path / "base", tmp_path / "controller"
    zeroscope.pipeline().save_pretrained(base)
    config = ControllerConfig((16, 32, 16, 16), cin=DIM, layers=1, norm="layer")
    checkpoint.save_controller(Controller(config), controller, 1)
    return base, controller


def asked(models: tuple[Path, Path]) -> tuple[str, ...]:
    base, controller = map(str, models)
    return (
        "generate", "c", "--prompt", "a red ball moves", "--model", base, "--controller",
        controller, "--k", "2", "--size", "32x32", "--frames", "4", "--steps", "2", "--precision",
        "fp32", "--json",
    )  # fmt: skip


def test_it_generates_and_a_broken_checkpoint_is_refused_by_its_keys(
    reelflow, clips: Path, models: tuple[Path, Path]
) -> None:
    assert reelflow("run", "c", "--source", str(clips), *SHAPES)[0] == 0
    code, out, err = reelflow(*asked(models))
    assert code == 0, err
    made = json.loads(out)
    assert (made["done"], made["failed"]) == (1, {})
    assert len(list(Path(made["videos"]).glob("*.mp4"))) == 1
    weights = checkpoint.find_weights(models[1])
    weights.write_bytes(weights.read_bytes()[:-100])
    code, _, err = reelflow(*asked(models))
    assert code == 1 and "controller.safetensors" in err
    config = ControllerConfig((16, 32, 16, 8), cin=DIM, layers=1, norm="layer")
    checkpoint.save_controller(Controller(config), models[1], 2)
    code, _, err = reelflow(*asked(models))
    assert code == 1 and "16" in err and "8" in err
