"""Training batches for the small CLIP: rendered frames, and what is said of them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engines.tiny import wording
from engines.tiny.render import frames
from engines.tiny.scene import SEEN, Combination, Scene, draw

if TYPE_CHECKING:
    from torch import Tensor

IMAGE = 64
SIZE_MISMATCH = 0.3  # how right an image is when only the size said is wrong
VISIBLE = ("shape", "colour", "background", "size")


@dataclass(frozen=True)
class Batch:
    """Frames of n clips, one caption each, and what belongs together."""

    images: "Tensor"  # (n * frames, 3, 64, 64) in 0..1
    tokens: "Tensor"  # (n, length)
    agreement: "Tensor"  # caption x image
    siblings: "Tensor"  # image x image: of the same clip
    cousins: "Tensor"  # image x image: of other clips of the same combination


class Writer:
    """Turns captions into token ids, now and then with words it has never been told about."""

    def __init__(self, length: int = 32) -> None:
        """Learn which tokens captions can be made of."""
        from open_clip import SimpleTokenizer

        self.length = length
        self.tokenizer = SimpleTokenizer(context_length=length)
        self.ends = (self.tokenizer.sot_token_id, self.tokenizer.eot_token_id)
        self.known = {*self.tokenizer.encode(" ".join(wording.vocabulary())), *self.ends}

    def tokens(self, rng: np.random.Generator, texts: list[str]) -> "Tensor":
        """Token ids of `texts`, a third of them with unknown words strewn in."""
        import torch

        ids = np.zeros((len(texts), self.length), np.int64)
        for row, text in zip(ids, texts, strict=True):
            said = self.tokenizer.encode(text)
            for _ in range(int(rng.integers(1, 6)) if rng.random() < 0.35 else 0):
                said.insert(int(rng.integers(len(said) + 1)), self._unknown(rng))
            whole = [self.ends[0], *said[: self.length - 2], self.ends[1]]
            row[: len(whole)] = whole
        return torch.from_numpy(ids)

    def _unknown(self, rng: np.random.Generator) -> int:
        token = int(rng.integers(self.ends[0]))
        return token if token not in self.known else self._unknown(rng)


def batch(
    rng: np.random.Generator, writer: Writer, *, size: int, family: int = 1, each: int = 1
) -> Batch:
    """`size` scenes no held-out combination is in, a `family` of each, `each` frames of one."""
    drawn = np.repeat(rng.integers(len(SEEN), size=-(-size // family)), family)[:size]
    scenes = [draw(rng, SEEN[int(i)]) for i in drawn]
    said = [_describe(rng, scene) for scene in scenes]
    images = _soften(rng, pictures(rng, scenes, each))
    tokens = writer.tokens(rng, [phrase.text for phrase in said])
    right = agreement(said, scenes).repeat_interleave(each, dim=1)
    return Batch(images, tokens, right, *_kin(drawn, each))


def _kin(drawn: np.ndarray, each: int) -> tuple["Tensor", "Tensor"]:
    import torch

    owner = np.repeat(np.arange(len(drawn)), each)
    same_clip = owner[:, None] == owner
    same_look = drawn[owner][:, None] == drawn[owner]
    siblings = same_clip & ~np.eye(len(owner), dtype=bool)
    return torch.from_numpy(siblings), torch.from_numpy(same_look & ~same_clip)


def scenes_of(rng: np.random.Generator, combinations: list[Combination]) -> list[Scene]:
    """One random scene for each combination."""
    return [draw(rng, combination) for combination in combinations]


def pictures(rng: np.random.Generator, scenes: list[Scene], each: int = 1) -> "Tensor":
    """Random frames of each scene, side by side, at the model's size, in 0..1."""
    import torch
    from torch.nn.functional import interpolate

    images = torch.empty(len(scenes), each, 3, IMAGE, IMAGE)
    for pixels in sorted({scene.pixels for scene in scenes}):
        places = [i for i, scene in enumerate(scenes) if scene.pixels == pixels]
        drawn = [frames(scenes[i], rng.integers(scenes[i].frames, size=each)) for i in places]
        full = torch.from_numpy(np.concatenate(drawn)).permute(0, 3, 1, 2) / 255
        small = interpolate(full, (IMAGE, IMAGE), mode="bicubic", antialias=True)
        images[places] = small.clamp(0, 1).unflatten(0, (-1, each))
    return images.flatten(0, 1)


def agreement(said: list[wording.Phrase], scenes: list[Scene]) -> "Tensor":
    """How far what each phrase says holds for each scene, as (phrase, scene) in 0..1."""
    import torch

    right = np.ones((len(scenes), len(scenes)), np.float32)
    for attribute in VISIBLE:
        values = np.array([getattr(scene, attribute) for scene in scenes])
        silent = np.array([attribute not in phrase.said for phrase in said])[:, None]
        same = (values[:, None] == values[None]) | silent
        right *= np.where(same, 1, SIZE_MISMATCH if attribute == "size" else 0)
    return torch.from_numpy(right)


def _describe(rng: np.random.Generator, scene: Scene) -> wording.Phrase:
    templates = wording.PARTIAL if rng.random() < 0.3 else wording.TRAINING
    return wording.phrase(rng, templates, vars(scene))


def _soften(rng: np.random.Generator, images: "Tensor") -> "Tensor":
    """What encoding does to a picture, roughly: half-size chroma, some blur, some noise."""
    import torch
    from torch.nn.functional import avg_pool2d, interpolate

    luma = (images * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
    chroma = interpolate(avg_pool2d(images - luma, 2), scale_factor=2, mode="bilinear")
    blurred = avg_pool2d(luma, 3, 1, 1, count_include_pad=False)
    share = torch.from_numpy(rng.uniform(-0.2, 0.5, (len(images), 1, 1, 1)).astype(np.float32))
    noise = torch.from_numpy(rng.normal(0, 0.01, images.shape).astype(np.float32))
    return (luma + share.clamp(min=0) * (blurred - luma) + chroma + noise).clamp(0, 1)
