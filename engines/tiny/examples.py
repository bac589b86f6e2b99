"""Training batches for the small CLIP: rendered frames and their captions."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engines.tiny import wording
from engines.tiny.render import render_frames
from engines.tiny.scene import TRAINED, Combination, Scene, draw_scene

if TYPE_CHECKING:
    from torch import Tensor

IMAGE = 64
SIZE_MISMATCH = 0.3  # the agreement of an image in which only the size is wrong
VISIBLE = ("shape", "colour", "background", "size")


@dataclass(frozen=True)
class Batch:
    """Frames of n clips, a caption per clip, and which of them belong together."""

    images: "Tensor"  # (n * frames, 3, 64, 64) in 0..1
    tokens: "Tensor"  # (n, length)
    agreement: "Tensor"  # caption x image
    siblings: "Tensor"  # image x image: of the same clip
    cousins: "Tensor"  # image x image: of other clips of the same combination


class CaptionEncoder:
    """Encodes captions as token ids, at times with unknown words among them."""

    def __init__(self, length: int = 32) -> None:
        """Collects the tokens that captions can be made of."""
        from open_clip import SimpleTokenizer

        self.length = length
        self.tokenizer = SimpleTokenizer(context_length=length)
        self.ends = (self.tokenizer.sot_token_id, self.tokenizer.eot_token_id)
        self.known = {*self.tokenizer.encode(" ".join(wording.list_vocabulary())), *self.ends}

    def encode_captions(self, rng: np.random.Generator, texts: list[str]) -> "Tensor":
        """Token ids (n, length) of `texts`, a third of them with unknown words inserted."""
        import torch

        ids = np.zeros((len(texts), self.length), np.int64)
        for row, text in zip(ids, texts, strict=True):
            token_ids = self.tokenizer.encode(text)
            # So that prompts with words of no caption lose little: unknown tokens mean nothing.
            for _ in range(int(rng.integers(1, 6)) if rng.random() < 0.35 else 0):
                token_ids.insert(int(rng.integers(len(token_ids) + 1)), self._draw_unknown(rng))
            whole = [self.ends[0], *token_ids[: self.length - 2], self.ends[1]]
            row[: len(whole)] = whole
        return torch.from_numpy(ids)

    def _draw_unknown(self, rng: np.random.Generator) -> int:
        token = int(rng.integers(self.ends[0]))
        return token if token not in self.known else self._draw_unknown(rng)


def draw_batch(
    rng: np.random.Generator, encoder: CaptionEncoder, *, size: int, family: int = 1, each: int = 1
) -> Batch:
    """`size` scenes of combinations not held out, `family` of each, with `each` frames apiece."""
    drawn = np.repeat(rng.integers(len(TRAINED), size=-(-size // family)), family)[:size]
    scenes = [draw_scene(rng, TRAINED[int(i)]) for i in drawn]
    phrases = [_describe_scene(rng, scene) for scene in scenes]
    images = _soften_images(rng, render_images(rng, scenes, each))
    tokens = encoder.encode_captions(rng, [phrase.text for phrase in phrases])
    agreement = score_agreement(phrases, scenes).repeat_interleave(each, dim=1)
    return Batch(images, tokens, agreement, *_pair_images(drawn, each))


def _pair_images(drawn: np.ndarray, each: int) -> tuple["Tensor", "Tensor"]:
    """Masks (image, image) of frames of one clip, and of clips of one combination."""
    import torch

    owner = np.repeat(np.arange(len(drawn)), each)
    same_clip = owner[:, None] == owner
    same_look = drawn[owner][:, None] == drawn[owner]
    siblings = same_clip & ~np.eye(len(owner), dtype=bool)
    return torch.from_numpy(siblings), torch.from_numpy(same_look & ~same_clip)


def draw_scenes(rng: np.random.Generator, combinations: list[Combination]) -> list[Scene]:
    """One random scene for each combination."""
    return [draw_scene(rng, combination) for combination in combinations]


def render_images(rng: np.random.Generator, scenes: list[Scene], each: int = 1) -> "Tensor":
    """Random frames of each scene, side by side, at the model's size, in 0..1."""
    import torch
    from torch.nn.functional import interpolate

    # By size, since scenes of one size can be shrunk in one call.
    images = torch.empty(len(scenes), each, 3, IMAGE, IMAGE)
    for pixels in sorted({scene.pixels for scene in scenes}):
        places = [i for i, scene in enumerate(scenes) if scene.pixels == pixels]
        drawn = [
            render_frames(scenes[i], rng.integers(scenes[i].frames, size=each)) for i in places
        ]
        full = torch.from_numpy(np.concatenate(drawn)).permute(0, 3, 1, 2) / 255
        small = interpolate(full, (IMAGE, IMAGE), mode="bicubic", antialias=True)
        images[places] = small.clamp(0, 1).unflatten(0, (-1, each))
    return images.flatten(0, 1)


def score_agreement(phrases: list[wording.Phrase], scenes: list[Scene]) -> "Tensor":
    """How well each phrase describes each scene, as (phrase, scene) in 0..1."""
    import torch

    agreement = np.ones((len(scenes), len(scenes)), np.float32)
    for attribute in VISIBLE:
        values = np.array([getattr(scene, attribute) for scene in scenes])
        # A phrase is true of every scene in an attribute that it does not name.
        silent = np.array([attribute not in phrase.attributes for phrase in phrases])[:, None]
        same = (values[:, None] == values[None]) | silent
        agreement *= np.where(same, 1, SIZE_MISMATCH if attribute == "size" else 0)
    return torch.from_numpy(agreement)


def _describe_scene(rng: np.random.Generator, scene: Scene) -> wording.Phrase:
    templates = wording.PARTIAL if rng.random() < 0.3 else wording.TRAINING
    return wording.write_phrase(rng, templates, vars(scene))


def _soften_images(rng: np.random.Generator, images: "Tensor") -> "Tensor":
    """Images with roughly the artefacts of encoding: half-size chroma, some blur, some noise."""
    import torch
    from torch.nn.functional import avg_pool2d, interpolate

    luma = (images * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
    chroma = interpolate(avg_pool2d(images - luma, 2), scale_factor=2, mode="bilinear")
    blurred = avg_pool2d(luma, 3, 1, 1, count_include_pad=False)
    share = torch.from_numpy(rng.uniform(-0.2, 0.5, (len(images), 1, 1, 1)).astype(np.float32))
    noise = torch.from_numpy(rng.normal(0, 0.01, images.shape).astype(np.float32))
    return (luma + share.clamp(min=0) * (blurred - luma) + chroma + noise).clamp(0, 1)
