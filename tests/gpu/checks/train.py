"""Ten steps of each training: the loss of the steps, and the weights after them."""

from collections.abc import Callable
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
from gpu.check import Check, Load, Outputs

STEPS = 10
SIDE = {"width": 32, "height": 32, "fps": 8.0, "most": 8}
SMALL: dict[str, dict[str, Any]] = {
    "unet": {"dim": 8, "multipliers": (1, 2), "heads": 1, "head_width": 8},
    "vq": {"hidden": 8, "layers": 1, "width": 4, "codes": 8, "downsample": (2, 2, 2)},
    "fuse": {"hidden": 16, "blocks": 1, "heads": 2},
}


def _train(make: Callable[[], Any], network: str, folder: Path) -> Outputs:
    """What a training's loss and its network's weights are, in a folder of its own each time."""
    losses: list[float] = []
    trainer = make()
    place = folder / f"run-{len(list(folder.glob('run-*')))}"
    trainer.train(place, lambda _, loss: losses.append(loss))
    state = attrgetter(network)(trainer).state_dict()
    weights = [state[name].detach().float().cpu().numpy().ravel() for name in sorted(state)]
    return {"loss": np.array(losses[-1:]), "weights": np.concatenate(weights)}


def _make_refiner(name: str, more: dict[str, Any], folder: Path, full: bool) -> Load:
    from data.specs.train_refiner import TrainRefinerSpec
    from engines.refine.training.trainer import RefinerTrainer

    spec = TrainRefinerSpec.model_validate({
        "refiner": name, "clips": SIDE, "window": 4, "batch": 2, "steps": STEPS, "rate": 1e-3,
        "architecture": {} if full else SMALL[name], "evaluate_every": STEPS,
    } | more)  # fmt: skip

    class Waves:
        def draw(self, rng: np.random.Generator, count: int, held_out: bool) -> np.ndarray:
            phase = rng.uniform(0, 6, (count, 4, 1, 1, 3))
            y, x = np.mgrid[:32, :32][..., None] / 3
            return (0.5 + 0.3 * np.sin(x + y + phase)).astype(np.float32)

    return lambda: partial(
        _train, partial(RefinerTrainer, spec, Waves()), "objective.network", folder
    )


def _make_controller(more: dict[str, Any], folder: Path, full: bool) -> Load:
    from support import zeroscope

    from data.specs.train import TrainSpec
    from engines.train.controller import ControllerTrainer

    zeroscope.pipeline().save_pretrained(folder / "base")
    spec = TrainSpec.model_validate({
        "lesson": {"k": 2, "most": 8}, "frames": 4, "batch": 2, "steps": STEPS, "rate": 1e-3,
        "architecture": {"layers": 2}, "precision": "fp32",
    } | more)  # fmt: skip
    examples = _draw_examples(folder, spec)

    return lambda: partial(
        _train, partial(ControllerTrainer, folder / "base", spec, examples), "controller", folder
    )


def _draw_examples(folder: Path, spec: Any) -> Any:
    """Random latents and tokens of four videos, each the neighbours of the others."""
    import pyarrow as pa
    from support import zeroscope

    from engines.train.dataset import Examples, TrainingSet
    from engines.train.frame_store import open_frame_store

    rng, stores = np.random.default_rng(0), []
    for name, shape in (("latents", (4, 8, 8)), ("tokens", (zeroscope.CIN,))):
        store = open_frame_store(folder, name, 4, 8, shape)
        for row in range(4):
            store.put(row, rng.standard_normal((8, *shape)))
        store.commit_frames()
        stores.append(store)
    captions = pa.chunked_array([["a red ball", "a blue square", "the left", "the right"]])
    neighbours = np.array([[1, 2], [0, 3], [3, 0], [2, 1]], np.int32)
    return Examples(TrainingSet(*stores, captions, neighbours), spec)


def _make_adapter(build: str, frames: int, folder: Path, full: bool) -> Load:
    from support import motionrag, tiny_pipelines, tiny_transformers

    from data.specs.train_motion import TrainAdapterSpec
    from engines.generate.motionrag.motion_sites import find_base
    from engines.train.frame_store import open_frame_store
    from engines.train.motion_adapter import AdapterExamples, AdapterTrainer

    pipe = getattr(tiny_transformers if build == "cogvideox_image" else tiny_pipelines, build)()
    pipe.save_pretrained(folder / "base")
    motionrag.write_release(folder / "release", find_base(pipe))
    spec = TrainAdapterSpec.model_validate({
        "base": str(folder / "base"), "controller": str(folder / "release"), "frames": frames,
        "clips": SIDE | {"most": frames}, "batch": 2, "steps": STEPS, "precision": "fp32",
        "rate": 1e-4,
    })  # fmt: skip
    store = open_frame_store(folder, "frames", 3, frames, (3 * 32 * 32,))
    rng = np.random.default_rng(0)
    for row in range(3):
        store.put(row, rng.integers(0, 256, (frames, 3 * 32 * 32)).astype(np.float32))
    store.commit_frames()
    examples = AdapterExamples(store, ["a red ball", "a blue square", "the left"], spec)

    return lambda: partial(_train, partial(AdapterTrainer, spec, examples), "trained", folder)


def _make_context(folder: Path, full: bool) -> Load:
    from support import motionrag, tiny_pipelines

    from data.specs.train_motion import TrainContextSpec
    from data.store.motion_features import ClipFeatures
    from engines.generate.motionrag.motion_sites import find_base
    from engines.train.motion_context import ContextExamples, ContextTrainer

    motionrag.write_release(folder / "release", find_base(tiny_pipelines.svd()))
    spec = TrainContextSpec(
        controller=str(folder / "release"), steps=STEPS, batch=3, precision="fp32", rate=1e-4
    )
    rng, tokens = np.random.default_rng(0), (motionrag.QUERIES, motionrag.DIM)
    described = {
        str(n): ClipFeatures(0.0, *(rng.standard_normal(shape).astype(np.float16)
                                    for shape in (tokens, tokens, (5, motionrag.SEEN))))
        for n in range(4)
    }  # fmt: skip
    examples = ContextExamples(list(described), [[1, 2], [0], [3, 0], []], described.get)

    return lambda: partial(_train, partial(ContextTrainer, spec, examples), "model", folder)


CHECKS = [
    Check("refiner unet", partial(_make_refiner, "unet", {}), 1e-2),
    Check("refiner unet bf16", partial(_make_refiner, "unet", {"precision": "bf16"}), 5e-2),
    Check("refiner vq", partial(_make_refiner, "vq", {}), 1e-2),
    Check("refiner fuse", partial(_make_refiner, "fuse", {"adversarial": 0.01}), 1e-2),
    Check("controller", partial(_make_controller, {}), 1e-2),
    Check("controller bf16", partial(_make_controller, {"precision": "bf16"}), 5e-2),
    Check("motion adapter svd", partial(_make_adapter, "svd", 4), 1e-2),
    Check("motion adapter cogvideox", partial(_make_adapter, "cogvideox_image", 9), 1e-2),
    Check("motion context", _make_context, 1e-2),
]  # fmt: skip
