"""Trains what MotionRAG sees clips with, in small: `python -m engines.tiny.i2v.encoders`.

A VideoMAE that is asked which way a shape goes and how far, and a DINOv2 that is asked what it
looks like. What answers the questions is thrown away; the tokens stay.
"""

from typing import TYPE_CHECKING

import numpy as np

from engines.generate.motionrag.encoders import IMAGE, RESIZED, VIDEO, prepare_frames
from engines.tiny.i2v import training_set
from engines.tiny.i2v.folders import RELEASE
from engines.tiny.scene import COLOURS, SHAPES, Scene
from engines.tiny.t2v.command import TrainingOptions, parse_options
from engines.train.loop import Schedule, train_model

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import Dinov2Model, VideoMAEModel

SCHEDULE = Schedule(steps=1500, rate=2e-3, batch=32, checkpoint_every=50, log_every=50)
WIDTH = 64
# What a picture shows, and the words for it; a clip's motion is in no picture.
LOOKS = {
    "shape": SHAPES,
    "colour": COLOURS,
    "background": training_set.BACKGROUNDS,
    "size": training_set.SIZES,
}
TESTED = 192  # scenes


def build_video_encoder() -> "VideoMAEModel":
    """An untrained encoder of eight frames of 32 x 32, as 64 tokens."""
    from transformers import VideoMAEConfig, VideoMAEModel

    config = VideoMAEConfig(
        image_size=training_set.PIXELS, num_frames=training_set.FRAMES, patch_size=8,
        hidden_size=WIDTH, intermediate_size=2 * WIDTH, num_hidden_layers=3, num_attention_heads=2,
    )  # fmt: skip
    return VideoMAEModel(config)


def build_image_encoder() -> "Dinov2Model":
    """An untrained encoder of a picture of 32 x 32, as a class token and 16 others."""
    from transformers import Dinov2Config, Dinov2Model

    config = Dinov2Config(
        image_size=training_set.PIXELS, patch_size=8, hidden_size=WIDTH, mlp_ratio=2,
        num_hidden_layers=3, num_attention_heads=2,
    )  # fmt: skip
    return Dinov2Model(config)


class EncoderTrainer:
    """Both encoders, each with linear layers that answer questions from its tokens."""

    def __init__(self, device: str = "cpu") -> None:
        from torch import nn

        self.video, self.image = build_video_encoder(), build_image_encoder()
        self.way = nn.Linear(WIDTH, 2)
        self.looks = nn.ModuleDict({k: nn.Linear(WIDTH, len(words)) for k, words in LOOKS.items()})
        parts = {"video": self.video, "image": self.image, "way": self.way, "looks": self.looks}
        self.model, self.device = nn.ModuleDict(parts).to(device), device

    def loss(self, rng: np.random.Generator, batch: int) -> "Tensor":
        """The error of the way, in longest ways squared, and the cross-entropy of the looks."""
        import torch
        from torch.nn.functional import cross_entropy, mse_loss

        scenes = [training_set.draw_moving_scene(rng) for _ in range(batch)]
        ways, looks = self.answer(np.stack([training_set.draw_clip(scene) for scene in scenes]))
        wanted = np.stack([training_set.measure_way(scene) for scene in scenes]).astype(np.float32)
        loss = mse_loss(ways, torch.from_numpy(wanted).to(ways.device))
        for name, words in LOOKS.items():
            said = torch.tensor([words.index(getattr(scene, name)) for scene in scenes])
            loss = loss + cross_entropy(looks[name], said.to(ways.device))
        return loss

    def answer(self, clips: np.ndarray) -> "tuple[Tensor, dict[str, Tensor]]":
        """The ways (n, 2), and a score for each word (n, words), of (n, frames, h, w, 3) bytes."""
        frames, side = clips.transpose(0, 1, 4, 2, 3), training_set.PIXELS
        flat = frames.reshape(-1, *frames.shape[2:])
        seen = prepare_frames(flat, side, side, "bilinear", self.device)
        tokens = self.video(pixel_values=seen.unflatten(0, frames.shape[:2])).last_hidden_state
        # A picture as MotionRAG shows it: cropped a little.
        first = prepare_frames(frames[:, 0], round(side * RESIZED), side, "bicubic", self.device)
        classes = self.image(pixel_values=first).last_hidden_state[:, 0]
        return self.way(tokens.mean(1)), {name: ask(classes) for name, ask in self.looks.items()}

    def measure(self, scenes: list[Scene]) -> dict[str, float]:
        """The share of right answers, motion among them, of scenes."""
        import torch

        with torch.inference_mode():
            clips = np.stack([training_set.draw_clip(scene) for scene in scenes])
            ways, looks = self.answer(clips)
        said = [training_set.name_heading(way) for way in ways.cpu().numpy()]
        right = {"motion": [s.motion == motion for s, motion in zip(scenes, said, strict=True)]}
        for name, words in LOOKS.items():
            best = looks[name].argmax(1).tolist()
            right[name] = [getattr(s, name) == words[n] for s, n in zip(scenes, best, strict=True)]
        return {name: float(np.mean(each)) for name, each in right.items()}


def main() -> None:
    """Trains, prints how often the encoders are right, and writes them into a release's folder."""
    import torch

    options: TrainingOptions = parse_options(__doc__, SCHEDULE, "i2v-encoders", RELEASE)
    schedule = options.schedule
    torch.manual_seed(schedule.seed)
    trainer = EncoderTrainer(options.device)
    train_model(
        trainer.model,
        lambda rng: trainer.loss(rng, schedule.batch),
        schedule,
        options.checkpoint,
        options.print_progress,
    )
    trainer.model.eval()
    rng = np.random.default_rng([schedule.seed, 12])
    print(trainer.measure([training_set.draw_moving_scene(rng) for _ in range(TESTED)]))
    for name, encoder in ((VIDEO, trainer.video), (IMAGE, trainer.image)):
        encoder.cpu().half().save_pretrained(options.folder / name)


if __name__ == "__main__":
    main()
