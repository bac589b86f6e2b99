"""Trains MotionRAG's adapters and motion resampler on a frozen base, a clip its own reference."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data.errors import UserError
from data.specs.motion import MotionFeaturesSpec
from data.specs.train_motion import TrainAdapterSpec
from engines.generate.motionrag.encoders import GREY, VIDEO, ClipEncoders, find_encoder
from engines.generate.motionrag.motion_sites import find_base, list_motion_sites
from engines.generate.motionrag.release import (
    SHORT,
    build_fresh,
    find_checkpoint,
    load_release,
    release_folder,
)
from engines.generate.motionrag.release_writing import (
    copy_companions,
    copy_encoder,
    copy_file,
    save_release,
)
from engines.generate.motionrag.window import write_window
from engines.generate.pipelines import loading
from engines.generate.pipelines.folder import pipeline_folder
from engines.train.frame_store import FrameStore
from engines.train.loop import RESUME, Schedule, train_model
from engines.train.motion_bases import MotionBase, choose_base
from engines.train.motion_context import BETAS, LOG_EVERY, PRECISION, SAVE_EVERY

if TYPE_CHECKING:
    from torch import Tensor


class AdapterExamples:
    """Draws windows of a frame store's clips, and their captions, by a generator alone."""

    def __init__(self, frames: FrameStore, captions: list[str], spec: TrainAdapterSpec) -> None:
        self.frames, self.captions, self.spec = frames, captions, spec
        self.rows = np.flatnonzero(frames.counts >= spec.frames)
        if not len(self.rows):
            raise UserError(
                f"no video has {spec.frames} frames at {spec.clips.fps:g} per second: use fewer"
                " --frames, or a higher --fps"
            )

    def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, list[str]]:
        """(B, T, 3, H, W) uint8, and the clips' captions."""
        rows, spec = rng.choice(self.rows, self.spec.batch), self.spec
        rooms = self.frames.counts[rows] - spec.frames
        starts = rng.integers(rooms + 1) if spec.window == "random" else rooms // 2
        shape = 3, spec.clips.height, spec.clips.width
        clips = [
            self.frames.frames[row, start : start + spec.frames].reshape(-1, *shape)
            for row, start in zip(rows, starts, strict=True)
        ]
        dropped = rng.random(len(rows)) < spec.text_dropout
        texts = [
            "" if drop else self.captions[row] for row, drop in zip(rows, dropped, strict=True)
        ]
        return np.stack(clips).astype(np.uint8), texts


class AdapterTrainer:
    """Trains adapters; base and encoder stay as they are."""

    def __init__(
        self, spec: TrainAdapterSpec, examples: AdapterExamples, threads: int | None = None
    ) -> None:
        import torch
        from accelerate import PartialState
        from torch import nn

        if threads:
            torch.set_num_threads(threads)
        team = PartialState()
        self.spec, self.examples = spec, examples
        self.device, self.leads = team.device, team.is_main_process
        pipe: Any = loading.load_pipeline(pipeline_folder(spec.base), "fp32")
        pipe.to(self.device)
        self.net = find_base(pipe).requires_grad_(False).eval()
        folder = release_folder(spec.controller) if spec.controller else None
        self.encoder = ClipEncoders(find_encoder(VIDEO, spec.video_encoder, folder), None)
        torch.manual_seed(spec.seed)
        self.release = (
            load_release(folder, self.net)
            if folder
            else build_fresh(list_motion_sites(self.net), self.encoder.video.config.hidden_size)
        )
        self.base: MotionBase = choose_base(pipe)
        self.trained = nn.ModuleDict(
            {"resampler": self.release.resampler, "adapters": self.release.adapters}
        )
        self.trained.float().requires_grad_(True)
        self.release.adapters.attach(self.net)

    def loss(self, rng: np.random.Generator) -> "Tensor":
        """The base's own loss, conditioned by each clip's own motion, or by none for some."""
        import torch

        clips, texts = self.examples.draw(rng)
        dropped = rng.random(len(clips)) < self.spec.motion_dropout
        grey = np.full(clips.shape[1:], GREY, np.float32)
        seen = [grey if drop else clip for clip, drop in zip(clips, dropped, strict=True)]
        features = torch.cat([self.encoder.encode_motion(clip) for clip in seen]).clone()
        motion = self.release.resampler(features.to(self.device))
        # Nothing guides in training: rows without motion are never asked for.
        null = torch.zeros_like(motion[:1])
        with self.release.adapters.condition_on(motion, null):
            return self.base.compute_loss(clips, texts)

    def train(self, out: Path, on_progress: Callable[[int, float], None]) -> None:
        """Trains, or resumes from `out/resume.pt`, and writes a release's folder at `out`."""
        spec = self.spec
        schedule = Schedule(
            spec.steps, spec.rate, spec.batch, spec.seed, spec.average, SAVE_EVERY, LOG_EVERY,
            PRECISION[spec.precision], spec.clip_gradient, BETAS, constant=True,
        )  # fmt: skip
        train_model(self.trained, self.loss, schedule, out / RESUME, on_progress)
        if self.leads:
            save_release(self.release, self.net, out)
            self._copy_unchanged(out)
            write_window(out, self._describe_window())

    def _describe_window(self) -> MotionFeaturesSpec:
        """The windows of clips that the motion resampler has learned from."""
        clips = self.spec.clips
        side = min(clips.width, clips.height, MotionFeaturesSpec.model_fields["side"].default)
        return MotionFeaturesSpec(controller="", frames=self.spec.frames, fps=clips.fps, side=side)

    def _copy_unchanged(self, out: Path) -> None:
        """Copies what the adapters were trained beside: another encoder would mislead them."""
        if self.spec.controller:
            source = release_folder(self.spec.controller)
            copy_companions(source, out)
            if (short := find_checkpoint(source, SHORT)) is not None:
                copy_file(short, out / short.name)
        if self.spec.video_encoder != "auto":
            copy_encoder(find_encoder(VIDEO, self.spec.video_encoder, None), out / VIDEO)
