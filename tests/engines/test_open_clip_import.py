"""open_clip is imported without torch's compiler, timm and transformers, and works with them."""

import json
import subprocess
import sys

import pytest

UNUSED = (
    "torch._dynamo", "torch._inductor", "sympy", "timm", "transformers", "huggingface_hub",
    "prefect", "ray", "torchvision.models", "torchvision.datasets",
)  # fmt: skip
SCRIPT = """
import json, sys, warnings
from engines.open_clip_import import import_open_clip
{before}
open_clip = import_open_clip()
seen = [name for name in {unused} if name in sys.modules]
{after}
print(json.dumps(seen))
"""


def run_python(before: str = "", after: str = "") -> list[str]:
    script = SCRIPT.format(unused=UNUSED, before=before, after=after)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_what_was_left_out_is_there_once_it_is_needed() -> None:
    after = """
import torch, torchvision
from open_clip.model import HFTextEncoder, TimmModel
boxes = [torch.tensor([[0.0, 0.0, 2.0, 2.0]])]
assert torchvision.ops.roi_align(torch.ones(1, 1, 4, 4), boxes, 2).shape == (1, 1, 2, 2)
for name in ("ViT-B-16-SigLIP", "roberta-ViT-B-32"):
    import_open_clip(open_clip.get_model_config(name))
TimmModel("resnet10t", 8)
from torchvision import datasets, models
assert datasets.ImageFolder and models.resnet18(num_classes=2).fc.out_features == 2
assert HFTextEncoder.__init__.__globals__["AutoModel"] is not None
"""
    assert run_python(after=after) == []


VECTORS = """
import hashlib
from data.specs.pipeline import EmbedSpec
from engines.embed.models.open_clip import Embedder
import numpy as np
for precision in ("fp32", "bf16"):
    model = Embedder(EmbedSpec(model="reelflow-tiny", precision=precision))
    model.load()
    pixels = np.arange(3 * model.resize.size**2, dtype=np.uint32) & 255
    pixels = pixels.astype(np.uint8).reshape(1, 3, model.resize.size, -1)
    for vectors in (model.embed_text(["a red circle"]), model.embed_images(pixels)):
        seen.append(hashlib.sha256(vectors.tobytes()).hexdigest())
seen = [name for name in seen if name not in {unused}]
"""


def test_most_architectures_need_no_compiler_and_no_other_towers() -> None:
    assert run_python() == []


@pytest.mark.slow
def test_vectors_are_those_of_a_whole_import_to_the_bit() -> None:
    """Also where the weights were drawn at random before they were loaded."""
    after = VECTORS.format(unused=UNUSED)
    drawn = "import engines.nets.skip_init as init; init.RANDOM = set(); import open_clip"
    lean, whole = run_python(after=after), run_python(drawn, after)
    assert len(lean) == 4 and lean == whole
