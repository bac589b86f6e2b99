"""Trains the bundled open_clip model on rendered frames: `python -m engines.tiny.train`."""

import argparse
import os
from dataclasses import dataclass
from math import cos, pi
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.bundled import NAME, WEIGHTS, register_model
from engines.tiny.corpus import held_out_prompts
from engines.tiny.examples import CaptionEncoder, draw_batch, draw_scenes, render_images
from engines.tiny.loss import contrastive_loss, normalise_images
from engines.tiny.scene import COMBINATIONS

if TYPE_CHECKING:
    from open_clip import CLIP
    from torch import Tensor
    from torch.optim import Optimizer

WARM_UP = 100
CHECKPOINT_EVERY = 200


@dataclass(frozen=True)
class Phase:
    """A phase of training: steps, learning rate, batches, and the weight of the spread loss."""

    steps: int
    rate: float
    size: int
    family: int = 1
    each: int = 1
    spread: float = 0.0


# Words first: spread from the start, held-out precision was 0.79 after 800 steps, against 0.98.
PHASES = (Phase(1000, 2e-3, 256), Phase(500, 1e-3, 144, family=3, each=2, spread=3.0))


@dataclass(frozen=True)
class Plan:
    """The seed, device and phases of a training."""

    seed: int = 0
    device: str = "cpu"
    phases: tuple[Phase, ...] = PHASES


def train_model(plan: Plan, checkpoint: Path) -> "CLIP":
    """Trains to the end of the plan, from the checkpoint if there is one."""
    import torch

    torch.manual_seed(plan.seed)
    encoder = CaptionEncoder()
    model = build_model(encoder).to(plan.device).train()
    done, moments = _load_checkpoint(checkpoint, model)
    start = 0
    for phase in plan.phases:
        # A new one for each phase: its moments belong to the phase's loss.
        optimizer = torch.optim.AdamW(_parameter_groups(model), betas=(0.9, 0.98))
        if start < done < start + phase.steps:
            optimizer.load_state_dict(moments)
        for step in range(max(done - start, 0), phase.steps):
            for group in optimizer.param_groups:
                group["lr"] = _learning_rate(phase, step)
            # Seeded by the step, so that a resumed training sees the same batches.
            rng = np.random.default_rng([plan.seed, 4, start + step])
            shape = {"size": phase.size, "family": phase.family, "each": phase.each}
            examples = draw_batch(rng, encoder, **shape)
            loss = _take_step(
                model, optimizer, contrastive_loss(model, examples, phase.spread, plan.device)
            )
            if (step + 1) % CHECKPOINT_EVERY == 0 or step + 1 == phase.steps:
                precision, reached = held_out_precision(model, plan.device), start + step + 1
                print(f"step {reached} loss {loss:.4f} held-out {precision:.3f}", flush=True)
                _save_checkpoint(checkpoint, reached, model, optimizer)
        start += phase.steps
    return model


def _take_step(model: "CLIP", optimizer: "Optimizer", loss: "Tensor") -> float:
    from torch.nn.utils import clip_grad_norm_

    optimizer.zero_grad()
    loss.backward()
    clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return float(loss.item())


def build_model(encoder: CaptionEncoder) -> "CLIP":
    """An untrained model whose embeddings of words outside the captions are zero, and stay so."""
    import open_clip
    import torch

    register_model()
    model = open_clip.create_model(NAME)
    known = torch.zeros(model.token_embedding.num_embeddings, 1)
    known[sorted(encoder.known)] = 1
    with torch.no_grad():
        model.token_embedding.weight.mul_(known)
    model.token_embedding.weight.register_hook(lambda grad: grad * known.to(grad.device))
    return model


def held_out_precision(model: "CLIP", device: str, copies: int = 5, n: int = 120) -> float:
    """Share of the top 5 single frames that show all that a held-out prompt asks for."""
    import torch
    from open_clip import SimpleTokenizer

    rng = np.random.default_rng(7)
    scenes = draw_scenes(rng, list(COMBINATIONS) * copies)
    prompts = held_out_prompts(n, seed=7)
    model.eval()
    with torch.no_grad():
        vision = model.encode_image(
            normalise_images(render_images(rng, scenes)).to(device), normalize=True
        )
        tokens = SimpleTokenizer(context_length=32)([text for text, _ in prompts])
        text = model.encode_text(tokens.to(device), normalize=True)
    model.train()
    top = (text @ vision.T).topk(5).indices.tolist()
    expected = [tuple(parts.values()) for _, parts in prompts]
    hits = [
        scenes[i].combination == combination
        for combination, row in zip(expected, top, strict=True)
        for i in row
    ]
    return float(np.mean(hits))


def save_weights(model: "CLIP", file: Path) -> None:
    """Writes the weights in half precision, in a file that open_clip reads."""
    from safetensors.torch import save_file

    state = model.state_dict().items()
    half = {k: v.half() if v.is_floating_point() else v for k, v in state}
    save_file({k: v.cpu().contiguous() for k, v in half.items()}, file)


def _parameter_groups(model: "CLIP") -> list[dict[str, Any]]:
    # Biases, norms and the temperature are not decayed, as usual.
    decayed = [p for p in model.parameters() if p.ndim > 1]
    plain = [p for p in model.parameters() if p.ndim < 2]
    return [
        {"params": decayed, "weight_decay": 0.05},
        {"params": plain, "weight_decay": 0.0},
    ]


def _learning_rate(phase: Phase, step: int) -> float:
    warm = min(1.0, (step + 1) / WARM_UP)
    return phase.rate * warm * (0.01 + 0.99 * (1 + cos(pi * step / phase.steps)) / 2)


def _load_checkpoint(checkpoint: Path, model: "CLIP") -> tuple[int, dict[str, Any]]:
    import torch

    if not checkpoint.exists():
        return 0, {}
    state = torch.load(checkpoint, weights_only=True)
    model.load_state_dict(state["model"])
    return state["step"], state["optimizer"]


def _save_checkpoint(checkpoint: Path, step: int, model: "CLIP", optimizer: "Optimizer") -> None:
    import torch

    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    draft = checkpoint.with_suffix(".part")
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}
    torch.save(state, draft)
    os.replace(draft, checkpoint)


def main() -> None:
    """Trains, and writes the weights where the product loads them from."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=Plan.seed)
    parser.add_argument("--device", default=Plan.device)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--checkpoint", type=Path, default=Path("var/reelflow-tiny.pt"))
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    plan = Plan(seed=options.seed, device=options.device)
    save_weights(train_model(plan, options.checkpoint), options.out)


if __name__ == "__main__":
    main()
