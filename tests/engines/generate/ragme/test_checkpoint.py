from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file
from support import zeroscope

from data.errors import UserError
from engines.generate.ragme import checkpoint
from engines.generate.ragme.injection_sites import list_sites
from engines.nets.controller import Controller
from engines.nets.controller_config import ControllerConfig

CONFIG = ControllerConfig((16, 32, 16, 16), cin=24, layers=2, time_channels=64)


@pytest.fixture(scope="module")
def there() -> list:
    return list_sites(zeroscope.unet())


def stored(folder: Path, config: ControllerConfig = CONFIG, step: int = 10) -> Controller:
    torch.manual_seed(step)
    controller = Controller(config)
    for parameter in controller.infuser.parameters():
        torch.nn.init.normal_(parameter)
    checkpoint.save_controller(controller, folder, step)
    return controller


def rewrite(folder: Path, **changes: torch.Tensor | None) -> None:
    """The checkpoint with parameters changed, or (None) left out."""
    file = checkpoint.find_weights(folder)
    state = load_file(file) | changes
    save_file({key: value for key, value in state.items() if value is not None}, file)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"norm": "unet", "tokens": "cls", "videos": "loop", "spatial_average": False},
        {"norm": "layer", "tokens": "mean", "only_cross_attention": False},
        {"mode": "add", "tokens": "mean"},
        {"positions": True, "temporal_average": False, "videos": "loop"},
    ],
)
def test_what_was_stored_is_loaded(tmp_path: Path, there: list, options: dict) -> None:
    controller = stored(tmp_path, replace(CONFIG, **options))
    loaded = checkpoint.load_controller(tmp_path, there)
    assert loaded.remarks == []
    want = controller.config
    if want.norm != "unet":  # says nothing then
        want = replace(want, time_channels=loaded.controller.config.time_channels)
    assert loaded.controller.config == want
    for key, value in controller.state_dict().items():
        assert torch.equal(value, loaded.controller.state_dict()[key])


def test_names_in_the_file_are_the_published_ones(tmp_path: Path) -> None:
    stored(tmp_path, step=7)
    file = tmp_path / "checkpoints" / "7" / "controller.safetensors"
    keys = load_file(file).keys()
    assert "controller.body.1.attn1.to_out.0.bias" in keys
    assert "controller.infuser.zero_convs.3.weight" in keys
    assert all(key.startswith("controller.") for key in keys)


def test_the_last_checkpoint_is_taken_by_number(tmp_path: Path, there: list) -> None:
    stored(tmp_path, step=9)
    last = stored(tmp_path, step=10)
    given = checkpoint.load_controller(tmp_path, there).controller
    assert torch.equal(given.body[0].norm1.weight, last.body[0].norm1.weight)
    assert checkpoint.find_weights(tmp_path).parent.name == "10"


def test_every_difference_is_named(tmp_path: Path, there: list) -> None:
    stored(tmp_path)
    rewrite(
        tmp_path,
        **{
            "controller.body.0.norm1.bias": None,
            "controller.infuser.blocks.2.attn2.to_q.weight": torch.zeros(16, 8),
            "controller.extra": torch.zeros(1),
        },
    )
    with pytest.raises(UserError) as rejection:
        checkpoint.load_controller(tmp_path, there)
    message = str(rejection.value)
    assert "controller.body.0.norm1.bias" in message
    assert "controller.infuser.blocks.2.attn2.to_q.weight is (16, 8), not (16, 16)" in message
    assert "controller.extra" in message and "controller.body.1" not in message


def test_a_file_that_is_cut_short_is_refused(tmp_path: Path, there: list) -> None:
    stored(tmp_path)
    file = checkpoint.find_weights(tmp_path)
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(UserError, match="truncated"):
        checkpoint.load_controller(tmp_path, there)


def test_a_controller_of_another_base_is_refused(tmp_path: Path, there: list) -> None:
    stored(tmp_path, replace(CONFIG, channels=(16, 16, 16)))
    with pytest.raises(UserError, match=r"\[16, 16, 16\].*\[16, 32, 16, 16\]"):
        checkpoint.load_controller(tmp_path, there)


def test_a_folder_without_a_checkpoint_is_refused(tmp_path: Path, there: list) -> None:
    with pytest.raises(UserError, match=r"controller\.safetensors"):
        checkpoint.load_controller(tmp_path, there)


@pytest.mark.parametrize(
    "options",
    [
        {"norm": "learned", "tokens": "cls"},
        {"norm": "unet", "tokens": "cls", "only_cross_attention": False},
        {"norm": "layer", "tokens": "all"},
        {"mode": "add", "tokens": "mean", "videos": "mean"},
    ],
)
def test_without_a_config_it_is_read_off_the_parameters(
    tmp_path: Path, there: list, options: dict
) -> None:
    options = {"videos": "loop"} | options
    controller = stored(tmp_path, replace(CONFIG, **options))
    (tmp_path / "config.yaml").unlink()
    loaded = checkpoint.load_controller(tmp_path, there)
    given = replace(loaded.controller.config, time_channels=64)
    assert given == controller.config
    remarks = " ".join(loaded.remarks)
    assert "spatial_average" in remarks and "temporal_average" in remarks
    assert ("(loop)" in remarks) == (controller.config.mode == "crossattn")


def test_a_config_may_name_classes_and_group_its_sites(tmp_path: Path, there: list) -> None:
    stored(tmp_path)
    infuser = {"mode": "crossattn", "channels": [16, 32, 16], "num_layers": [1, 1, 2]}
    network = {"spatial_average": False, "temporal_average": True, "use_mean": True}
    params = {"controller_network_config": {
        "target": "models.TemporalEncoder", "params": network | {"infuser_config": infuser},
    }}  # fmt: skip
    config = {"controller_config": {"target": "models.Controller", "params": params}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    loaded = checkpoint.load_controller(tmp_path, there)
    config = loaded.controller.config
    assert (config.spatial_average, config.tokens, config.videos) == (False, "mean", "mean")
    assert loaded.remarks == []


def test_the_published_defaults_are_refused_with_the_reason(tmp_path: Path, there: list) -> None:
    stored(tmp_path)
    infuser = {"channels": [320, 640, 1280, 1280], "num_layers": [4, 3, 3, 2]}
    params = {"controller_network_config": {"params": {"infuser_config": infuser}}}
    text = yaml.safe_dump({"controller_config": {"params": params}})
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(UserError, match="12 sites"):
        checkpoint.load_controller(tmp_path, there)


@pytest.mark.parametrize("mode", ["", "concat", "crossattn-temporal-sum"])
def test_a_mode_that_cannot_be_run_is_refused(tmp_path: Path, there: list, mode: str) -> None:
    stored(tmp_path)
    params = {"controller_network_config": {"params": {"infuser_config": {"mode": mode}}}}
    text = yaml.safe_dump({"controller_config": {"params": params}})
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(UserError, match="mode"):
        checkpoint.load_controller(tmp_path, there)


def test_sites_that_were_never_trained_are_named(tmp_path: Path, there: list) -> None:
    controller = stored(tmp_path)
    for parameter in controller.infuser.zero_convs[2:].parameters():
        torch.nn.init.zeros_(parameter)
    checkpoint.save_controller(controller, tmp_path, 20)
    (remark,) = checkpoint.load_controller(tmp_path, there).remarks
    assert "2, 3" in remark
