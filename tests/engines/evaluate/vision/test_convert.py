"""Checkpoints that pickle their network: the weights come out, and nothing of it runs."""

import os
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from data.errors import UserError
from engines import checkpoint
from engines.evaluate.vision.convert import extract_weights


class Scaled(torch.nn.Module):
    """A module of code that the converter does not have, with all that a state dict holds."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 4, 3, bias=False)
        self.bn = torch.nn.BatchNorm2d(4)
        self.more = torch.nn.ModuleList([torch.nn.Linear(2, 2), torch.nn.Identity()])
        self.act = self.again = torch.nn.SiLU()
        self.register_buffer("kept", torch.arange(3.0))
        self.register_buffer("unkept", torch.arange(5.0), persistent=False)
        self.register_parameter("nothing", None)
        self.view = torch.nn.Parameter(torch.arange(12.0).view(3, 4).t())
        self.names, self.stride = {0: "face"}, torch.tensor([8.0, 16.0])


@pytest.fixture
def pickled(tmp_path: Path) -> tuple[Path, torch.nn.Module]:
    torch.manual_seed(0)
    model = Scaled().half()
    file = tmp_path / "best.pt"
    torch.save({"epoch": -1, "ema": None, "model": model, "best": model.view.sum().item()}, file)
    return file, model


def held(file: Path) -> dict[str, torch.Tensor]:
    return load_file(file)


def test_the_weights_are_those_of_the_state_dict(pickled, tmp_path: Path) -> None:
    file, model = pickled
    wanted = model.state_dict()
    assert extract_weights(str(file), str(tmp_path / "out" / "best.safetensors")) == len(wanted)
    found = held(tmp_path / "out" / "best.safetensors")
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        assert found[name].dtype == value.dtype and torch.equal(found[name], value)


def test_the_averaged_network_goes_before_the_last_one(pickled, tmp_path: Path) -> None:
    _, model = pickled
    torch.save({"ema": torch.nn.Linear(1, 1), "model": model}, tmp_path / "a.pt")
    assert extract_weights(str(tmp_path / "a.pt"), str(tmp_path / "a.safetensors")) == 2


def test_a_network_by_itself_is_read_too(pickled, tmp_path: Path) -> None:
    torch.save(pickled[1], tmp_path / "a.pt")
    assert extract_weights(str(tmp_path / "a.pt"), str(tmp_path / "a.safetensors")) > 2


def test_loading_refuses_the_file_and_says_how_to_convert_it(pickled) -> None:
    with pytest.raises(UserError, match="reelflow convert-checkpoint"):
        checkpoint.read_weights(str(pickled[0]))


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_state_dict_is_converted_whatever_the_checkpoint_has_beside_it(
    wrapped: bool, tmp_path: Path
) -> None:
    state, mark = torch.nn.Linear(2, 3).bfloat16().state_dict(), tmp_path / "was-run"
    state["twice"] = state["weight"]  # shared memory, which safetensors would refuse
    beside = {"epoch": 3, "optimizer": traps(mark)[0]}
    torch.save({"state_dict": state, **beside} if wrapped else state, tmp_path / "a.ckpt")
    assert extract_weights(str(tmp_path / "a.ckpt"), str(tmp_path / "a.safetensors")) == 3
    found = held(tmp_path / "a.safetensors")
    assert found.keys() == state.keys() and all(found[k].equal(state[k]) for k in state)
    assert found["weight"].dtype == torch.bfloat16 and not mark.exists()


class Trap:
    """Does something when it is unpickled, in each of the ways that there are."""

    def __init__(self, how) -> None:
        self.how = how

    def __reduce__(self):
        return self.how


def traps(mark: Path) -> list[Trap]:
    import shutil

    return [
        Trap((os.system, (f"touch {mark}",))),
        Trap((Path.touch, (mark,))),
        Trap((eval, (f"open({str(mark)!r}, 'w')",))),
        Trap((shutil.copyfile, (__file__, str(mark)))),
        Trap((dict, ((),), {"__class__": Trap}, iter([1]), iter([("a", 2)]))),
    ]


def test_what_a_pickle_asks_to_be_run_is_not_run(pickled, tmp_path: Path) -> None:
    _, model = pickled
    mark = tmp_path / "was-run"
    wanted = len(model.state_dict())
    for n, trap in enumerate(traps(mark)):
        model.extra = trap
        torch.save({"model": model, "trap": trap}, tmp_path / f"{n}.pt")
        assert (
            extract_weights(str(tmp_path / f"{n}.pt"), str(tmp_path / f"{n}.safetensors")) == wanted
        )
        assert not mark.exists()


def test_nothing_that_a_pickle_names_is_imported(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "unheard_of.py").write_text(
        "import pathlib, torch\n"
        f"pathlib.Path({str(tmp_path / 'was-imported')!r}).touch()\n"
        "class Net(torch.nn.Linear): pass\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    import unheard_of

    torch.save(unheard_of.Net(2, 3), tmp_path / "a.pt")
    (tmp_path / "was-imported").unlink()
    monkeypatch.delitem(__import__("sys").modules, "unheard_of")
    assert extract_weights(str(tmp_path / "a.pt"), str(tmp_path / "a.safetensors")) == 2
    assert not (tmp_path / "was-imported").exists()


def rewritten(file: Path, pickle: bytes) -> str:
    """The archive with another pickle in it."""
    out = file.with_name("rewritten.pt")
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            new.writestr(name, pickle if name.endswith("data.pkl") else old.read(name))
    return str(out)


OPEN = (
    b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\n"
)


@pytest.mark.parametrize(
    "pickle",
    [
        b"\x80\x02cos\nsystem\n(X\x02\x00\x00\x00lstR.",
        b"",
        b"not a pickle",
        # A storage by the path of another file.
        OPEN + b"X\x05\x00\x00\x00../..X\x03\x00\x00\x00cpuK\x04tQK\x00(K\x04t(K\x01t\x89NtR.",
        # A tensor of a million numbers on a storage of a few, all the same one; then beyond it.
        OPEN + b"X\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04tQK\x00(J@B\x0f\x00t(K\x00t\x89NtR.",
        OPEN + b"X\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04tQM\xff\xff(K\x04t(K\x01t\x89NtR.",
    ],
    ids=["call", "empty", "rubbish", "path", "bomb", "beyond"],
)
def test_other_pickles_are_refused(pickle: bytes, pickled, tmp_path: Path) -> None:
    with pytest.raises(UserError):
        extract_weights(rewritten(pickled[0], pickle), str(tmp_path / "a.safetensors"))
    assert not (tmp_path / "a.safetensors").exists()


def test_a_module_with_anything_but_tensors_is_refused(tmp_path: Path) -> None:
    model = torch.nn.Linear(2, 2)
    model._parameters["weight"] = Trap((os.getcwd, ()))
    torch.save(model, tmp_path / "a.pt")
    with pytest.raises(UserError, match="weight"):
        extract_weights(str(tmp_path / "a.pt"), str(tmp_path / "a.safetensors"))


def test_modules_that_hold_each_other_end(tmp_path: Path) -> None:
    model = torch.nn.Sequential(torch.nn.Identity())
    model[0]._modules["up"] = model
    model._modules["more"] = model[0]
    torch.save(model, tmp_path / "a.pt")
    with pytest.raises(UserError, match="cycle"):
        extract_weights(str(tmp_path / "a.pt"), str(tmp_path / "a.safetensors"))


@pytest.mark.parametrize(
    ("file", "out", "says"),
    [
        ("best.pt", "best.pt", ".safetensors"),
        ("none.pt", "a.safetensors", "none.pt"),
        ("nothing.pt", "a.safetensors", "state dict"),
        ("mixed.pt", "a.safetensors", "trap"),
        ("text.pt", "a.safetensors", "text.pt"),
    ],
)
def test_what_cannot_be_converted_says_why(file, out, says, pickled, tmp_path: Path) -> None:
    torch.save({"model": {"fc.weight": [0.0]}}, tmp_path / "nothing.pt")
    mixed = {"fc.weight": torch.zeros(1), "trap": Trap((os.getcwd, ()))}
    torch.save({"state_dict": mixed}, tmp_path / "mixed.pt")
    (tmp_path / "text.pt").write_text("no archive")
    with pytest.raises(UserError, match=says):
        extract_weights(str(tmp_path / file), str(tmp_path / out))
