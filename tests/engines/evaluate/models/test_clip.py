"""CLIP is OpenAI's: the network and what a picture goes through are written out here."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from support.toy_models import clip_state

from data.errors import UserError
from data.specs.evaluate import EvaluateSpec
from engines.embed.weights import digest_file
from engines.evaluate.models import clip

FULL = EvaluateSpec(clip_dtype="fp32")
LONG = "a very long tale of " * 40


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("clip") / clip.FILE
    torch.save(clip_state(), path)
    return str(path)


def pictures() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, size, dtype=np.uint8) for size in ((90, 161, 3), (75, 40, 3))]


class Transcribed:
    """The two towers in float64: norms first, QuickGELU, one head of 64 channels."""

    def __init__(self, held) -> None:
        self.held = {n: v.double() for n, v in held.items()}

    def norm(self, at, x):
        x = (x - x.mean(-1, keepdim=True)) / (x.var(-1, keepdim=True, correction=0) + 1e-5).sqrt()
        return x * self.held[f"{at}.weight"] + self.held[f"{at}.bias"]

    def blocks(self, at, x, mask=0.0):
        n = 0
        while f"{at}.resblocks.{n}.ln_1.weight" in self.held:
            one, n = f"{at}.resblocks.{n}", n + 1
            y = self.norm(f"{one}.ln_1", x)
            weight, bias = (self.held[f"{one}.attn.in_proj_{each}"] for each in ("weight", "bias"))
            q, k, v = (y @ weight.T + bias).chunk(3, -1)
            y = (q @ k.T / 8 + mask).softmax(-1) @ v
            x = x + self.line(f"{one}.attn.out_proj", y)
            y = self.line(f"{one}.mlp.c_fc", self.norm(f"{one}.ln_2", x))
            x = x + self.line(f"{one}.mlp.c_proj", y * torch.sigmoid(1.702 * y))
        return x

    def line(self, at, x):
        return x @ self.held[f"{at}.weight"].T + self.held[f"{at}.bias"]

    def image(self, seen, long=False):
        """The square of the short side (or the long one, on black), bicubic, normalised."""
        height, width = seen.shape[:2]
        side = max(height, width) if long else min(height, width)
        if long:
            square = Image.new("RGB", (side, side))
            square.paste(Image.fromarray(seen), ((side - width) // 2, (side - height) // 2))
        else:
            top, left = round((height - side) / 2), round((width - side) / 2)
            square = Image.fromarray(seen[top : top + side, left : left + side])
        x = torch.from_numpy(np.asarray(square.resize((64, 64), Image.BICUBIC)) / 255)
        mean, std = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
        x = (x - torch.tensor(mean).double()) / torch.tensor(std).double()
        kernel = self.held["visual.conv1.weight"]
        tokens = [
            torch.einsum("hwc,ochw->o", x[row : row + 32, column : column + 32], kernel)
            for row in (0, 32) for column in (0, 32)
        ]  # fmt: skip
        x = torch.stack([self.held["visual.class_embedding"], *tokens])
        x = self.norm("visual.ln_pre", x + self.held["visual.positional_embedding"])
        x = self.norm("visual.ln_post", self.blocks("visual.transformer", x)[0])
        return (x @ self.held["visual.proj"]).numpy()

    def text(self, ids):
        x = self.held["token_embedding.weight"][ids] + self.held["positional_embedding"][: len(ids)]
        mask = torch.full((len(ids), len(ids)), -torch.inf).triu(1)
        x = self.norm("ln_final", self.blocks("transformer", x, mask))
        return (x[-1] @ self.held["text_projection"]).numpy()


@pytest.mark.parametrize("crop", ["short", "long"])
def test_vectors_of_pictures_are_openais(file, crop) -> None:
    spec = FULL.model_copy(update={"crop": crop})
    found = clip.load(spec, file).embed_images(pictures())
    theirs = [Transcribed(clip_state()).image(each, crop == "long") for each in pictures()]
    assert found.shape == (2, 48) and found.dtype == np.float32
    assert np.abs(found - theirs).max() < 1e-4


def test_vectors_of_texts_are_openais_and_long_ones_keep_their_end(file) -> None:
    from open_clip import SimpleTokenizer

    known = SimpleTokenizer()
    texts = ["A red  circle", LONG]
    ids = [[49406, *known.encode(text)[:75], 49407] for text in texts]
    assert [len(each) for each in ids] == [5, 77]
    found = clip.load(FULL, file).embed_texts(texts)
    theirs = [Transcribed(clip_state()).text(each) for each in ids]
    assert np.abs(found - theirs).max() < 1e-4


def test_a_vector_hangs_on_its_own_video_alone(file) -> None:
    model = clip.load(FULL, file)
    assert np.array_equal(model.embed_images(pictures()), model.embed_images(pictures()))
    pair = model.embed_texts(["one", "two"])
    assert np.array_equal(pair[1:], model.embed_texts(["two"]))
    assert model.embed_images([]).shape == (0, 48)


def test_half_precision_has_half_weights_and_half_vectors(file) -> None:
    half, full = (clip.load(spec, file) for spec in (EvaluateSpec(), FULL))
    found, wide = half.embed_images(pictures()), full.embed_images(pictures())
    assert found.dtype == np.float16
    assert 0 < np.abs(found - wide).max() < 0.05
    rounded = half._model.visual.conv1.weight.cpu()
    assert torch.equal(rounded, full._model.visual.conv1.weight.cpu().half().to(rounded.dtype))


@pytest.mark.slow
def test_the_names_are_those_of_the_published_model() -> None:
    import open_clip

    published = open_clip.create_model(clip.MODEL, load_weights=False, device="meta")
    theirs = {name for name in published.state_dict() if ".resblocks." not in name}
    ours = {name for name in clip_state() if ".resblocks." not in name}
    assert ours - set(clip.SIZES) == theirs
    block = {n.split(".resblocks.0.")[1] for n in published.state_dict() if ".resblocks.0." in n}
    assert block == {n.split(".resblocks.0.")[1] for n in clip_state() if ".resblocks.0." in n}


def script(held, path: Path) -> str:
    """A TorchScript archive of these weights, as OpenAI publishes theirs."""

    class Tree(torch.nn.Module):
        pass

    tree = Tree()
    for name, value in held.items():
        *parts, last = name.split(".")
        at = tree
        for part in parts:
            if part not in at._modules:
                at.add_module(part, Tree())
            at = at._modules[part]
        at.register_parameter(last, torch.nn.Parameter(value, requires_grad=False))
    torch.jit.script(tree).save(str(path))
    return str(path)


def test_openais_own_archive_is_known_by_its_digest(file, tmp_path, monkeypatch) -> None:
    archive = script(clip_state(), tmp_path / clip.FILE)
    with pytest.raises(UserError, match="TorchScript"):
        clip.load(FULL, archive)
    address = f"https://example.org/{digest_file(archive)}/{clip.FILE}"
    monkeypatch.setattr("open_clip.pretrained.get_pretrained_url", lambda model, tag: address)
    found = clip.load(FULL, archive).embed_images(pictures())
    monkeypatch.undo()
    assert np.array_equal(found, clip.load(FULL, file).embed_images(pictures()))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda held: held.pop("visual.proj"), "OpenAI's CLIP"),
        (lambda held: held.update(more=torch.zeros(1)), "OpenAI's CLIP"),
        (lambda held: held.pop("text_projection"), "OpenAI's CLIP.*text_projection"),
    ],
)
def test_other_weights_are_refused(change, says, tmp_path: Path) -> None:
    held = clip_state()
    change(held)
    torch.save(held, tmp_path / "other.pth")
    with pytest.raises(UserError, match=says):
        clip.load(FULL, str(tmp_path / "other.pth"))
