"""MotionRAG (arXiv 2509.26391): an image-to-video pipeline moves as retrieved clips do."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data.errors import UserError
from data.records import Request
from data.specs.models import SHAPES_FROM_IMAGES, SHAPES_MOTION
from data.specs.motion import MotionSpec
from data.specs.pipeline import GenerateSpec
from engines.device import pick_device
from engines.embed.weights import digest_file
from engines.files.access import STRICT, UrlPolicy
from engines.generate.generators import diffusers
from engines.generate.motionrag.encoders import (
    IMAGE,
    VIDEO,
    ClipEncoders,
    digest_encoder,
    find_encoder,
)
from engines.generate.motionrag.motion import MotionPredictor
from engines.generate.motionrag.motion_sites import find_base, list_motion_sites
from engines.generate.motionrag.release import (
    list_checkpoints,
    load_release,
    randomise_start,
    release_folder,
)
from engines.generate.motionrag.window import WINDOW, suit_features
from engines.generate.pipelines import first_frame
from engines.generate.protocol import Attribution, Clip, Speed

if TYPE_CHECKING:
    from torch import Tensor

VERSION = "2"
_log = logging.getLogger(__name__)


def digests(spec: GenerateSpec) -> dict[str, str]:
    """SHA-256 by content of the base, the release and its two encoders.

    A UserError where one of them is missing, or the base does not start from an image.
    """
    folder = _find_release(spec)
    lines = [f"{file.stem} {digest_file(str(file))}" for file in list_checkpoints(folder)]
    if (folder / WINDOW).is_file():
        lines.append(f"{WINDOW} {digest_file(str(folder / WINDOW))}")
    release = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    encoders = {name: digest_encoder(path) for name, path in _find_encoders(spec).items()}
    return {"model": diffusers.digests(spec)["model"], "controller": release} | encoders


def _find_release(spec: GenerateSpec) -> Path:
    if spec.base is None or spec.controller is None:
        raise UserError(
            "motionrag needs a base and a release: --model, an image-to-video folder or name, and"
            " --motion, the folder of motion_proj, motion_transformer and Motion-Adapter; those"
            f" called {SHAPES_FROM_IMAGES} and {SHAPES_MOTION} are bundled, for coloured shapes"
        )
    return release_folder(spec.controller)


def _find_encoders(spec: GenerateSpec) -> dict[str, Path]:
    folder = _find_release(spec)
    given = {VIDEO: spec.motion.video_encoder, IMAGE: spec.motion.image_encoder}
    return {name: find_encoder(name, path, folder) for name, path in given.items()}


class Generator(diffusers.Generator):
    """The pipeline as diffusers has it, conditioned by the motion that clips predict.

    A request without clips, and a scale of 0, give what the base alone gives, to the bit.
    """

    image_replaces_clips = False

    def __init__(self, spec: GenerateSpec) -> None:
        super().__init__(spec)
        # The windows that stored features are of: decoded clips, and controls, are no others.
        window = suit_features(str(_find_release(spec)))
        self.clip_inputs = replace(
            self.clip_inputs, features=True, frames=window.frames, fps=window.fps
        )

    def load(self, speed: Speed, policy: UrlPolicy = STRICT) -> None:
        """Loads pipeline, release and encoders; a UserError names what does not fit together."""
        super().load(speed, policy)
        base = find_base(self._pipe)
        release = load_release(_find_release(self.spec), base)
        if "random_start" in self.spec.motion.compat:
            randomise_start(release, self.spec.seed)
        for remark in release.remarks:
            _log.warning("%s: %s", self.spec.controller, remark)
        # Where the base computes: parts that are offloaded say that they are on the CPU.
        self._device = pick_device()
        release.adapters.to(self._device, self._pipe.dtype).attach(base)
        self._adapters, self._dtype = release.adapters, self._pipe.dtype
        found = _find_encoders(self.spec)
        encoders = ClipEncoders(found[VIDEO], found[IMAGE])
        self._predictor = MotionPredictor(release, encoders, self.spec.motion)
        self._null = self._predictor.null.to(self._device, self._dtype)
        _log.info("%d attentions conditioned by motion", len(list_motion_sites(base)))

    def attribute(self, request: Request, clips: Sequence[Clip]) -> Attribution:
        started = super().attribute(request, clips)
        if self.spec.motion.scale == 0 or not clips:
            return started
        moved = zip(weigh_motions(clips, self.spec.motion), started.weights, strict=True)
        return replace(started, weights=tuple(share or first for share, first in moved))

    def _generate_video(self, request: Request, clips: Sequence[Clip]) -> np.ndarray:
        motion, spec = self._predict_motion(request, clips), self.spec.motion
        with self._adapters.condition_on(motion, self._null, spec.scale, spec.guidance):
            return super()._generate_video(request, clips)

    def _predict_motion(self, request: Request, clips: Sequence[Clip]) -> "Tensor | None":
        """(1, q, dim) for the picture that the video starts from; None without clips."""
        if not clips or self.spec.motion.scale == 0:
            return None
        windows = {c.key: c.pixels for c in clips if c.features is None and c.pixels is not None}
        if self.spec.motion.backwards:
            windows = {key: pixels[::-1].copy() for key, pixels in windows.items()}
        tokens = self._predictor.describe_clips(windows)
        tokens |= {c.key: self._predictor.restore_tokens(c.features) for c in clips if c.features}
        size = self.spec.height, self.spec.width
        picture = np.array(first_frame.read_first_frame(request, clips, *size, self._policy))
        shares = weigh_motions(clips, self.spec.motion)
        ranked = [tokens[clip.key] for clip in clips]
        motion = self._predictor.predict(
            picture.transpose(2, 0, 1), ranked, shares, self.spec.retrieve.k
        )
        return motion.to(self._device, self._dtype)


def weigh_motions(clips: Sequence[Clip], spec: MotionSpec) -> list[float]:
    """Each clip's share in the motion; where all predict it in one context, the same for all."""
    if spec.fusion == "best" or spec.takes_one:
        return [float(place == 0) for place in range(len(clips))]
    scores = [max(clip.source.score, 0.0) for clip in clips]
    if spec.fusion == "score" and sum(scores) > 0:
        return [score / sum(scores) for score in scores]
    return [1 / len(clips)] * len(clips)
