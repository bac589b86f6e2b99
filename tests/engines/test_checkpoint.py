"""Checkpoints of every form that they are published in, and those that are refused."""

from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from data.errors import UserError
from engines import checkpoint


def weights():
    torch.manual_seed(0)
    return {"fc.weight": torch.randn(3, 2), "fc.bias": torch.randn(3)}


def net():
    return torch.nn.Sequential(OrderedDict(fc=torch.nn.Linear(2, 3)))


@pytest.mark.parametrize(
    "wrap",
    [
        lambda held: held,
        lambda held: {"model": held, "epoch": 3},
        lambda held: {"state_dict": {f"module.{name}": value for name, value in held.items()}},
        lambda held: {"state_dict": {"model": held}, "best": 0.5},
    ],
    ids=["plain", "model", "parallel", "twice"],
)
def test_weights_are_found_in_what_is_around_them(wrap, tmp_path: Path) -> None:
    held = weights()
    torch.save(wrap(held), tmp_path / "a.pth")
    found = checkpoint.read_weights(str(tmp_path / "a.pth"))
    assert found.keys() == held.keys()
    assert all(torch.equal(found[name], value) for name, value in held.items())


def test_safetensors_are_read_and_a_model_holds_them(tmp_path: Path) -> None:
    held = weights()
    save_file(held, tmp_path / "a.safetensors")
    model = checkpoint.load_weights(
        net(), checkpoint.read_weights(str(tmp_path / "a.safetensors")), "a layer"
    )
    assert torch.equal(model.fc.weight.cpu(), held["fc.weight"])
    assert not model.training and not model.fc.weight.requires_grad


def test_each_difference_is_named() -> None:
    held = weights() | {"fc.bias": torch.zeros(4), "head.weight": torch.zeros(1)}
    del held["fc.weight"]
    with pytest.raises(UserError) as caught:
        checkpoint.load_weights(net(), held, "a layer (x.pth)")
    for part in ("a layer (x.pth)", "fc.bias is (4,)", "fc.weight is missing", "head.weight"):
        assert part in str(caught.value)


def test_a_long_list_of_differences_is_cut() -> None:
    held = weights() | {f"more.{n}": torch.zeros(1) for n in range(20)}
    with pytest.raises(UserError, match="8 more"):
        checkpoint.load_weights(net(), held, "a layer")


def test_a_pickle_with_code_is_refused_and_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "was-run"

    class Trap:
        def __reduce__(self):
            return Path.touch, (mark,)

    torch.save({"model": Trap()}, tmp_path / "trap.pt")
    with pytest.raises(UserError, match=r"convert-checkpoint .*trap\.pt .*trap\.safetensors"):
        checkpoint.read_weights(str(tmp_path / "trap.pt"))
    assert not mark.exists()


@pytest.mark.parametrize("name", ["a.pt", "a.safetensors"])
def test_a_file_that_is_cut_short_says_so(name: str, tmp_path: Path) -> None:
    save = torch.save if name.endswith(".pt") else save_file
    save(weights(), tmp_path / name)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:100])
    with pytest.raises(UserError, match="download"):
        checkpoint.read_weights(str(tmp_path / name))


def test_a_file_of_no_weights_says_so(tmp_path: Path) -> None:
    torch.save({"epoch": 3}, tmp_path / "a.pt")
    torch.save([torch.zeros(1)], tmp_path / "b.pt")
    for name, says in (("a.pt", "named weights"), ("b.pt", "a list")):
        with pytest.raises(UserError, match=says):
            checkpoint.read_weights(str(tmp_path / name))
