"""The bundled weights load as any open_clip model does, and know their shapes."""

from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from safetensors import safe_open

from engines.bundled import NAME, WEIGHTS, register_model
from engines.tiny.corpus import clip_name, scene_attributes, write_clips
from engines.tiny.evaluate import PRECISIONS, Searcher, mark_correct
from engines.tiny.scene import COMBINATIONS, HELD_OUT, scene_at

PROMPTS = [
    (f"please show me a {colour} {shape} on a {background} background", asked)
    for shape, colour, background in sorted(HELD_OUT)
    for asked in [{"shape": shape, "colour": colour, "background": background}]
]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """One real clip of each combination."""
    folder = tmp_path_factory.mktemp("clips")
    (folder / "videos").mkdir()
    write_clips(folder, 11, range(len(COMBINATIONS)))
    return [folder / "videos" / f"{clip_name(11, i)}.mp4" for i in range(len(COMBINATIONS))]


def test_the_weights_are_small() -> None:
    """At most 8 MB of the 40 that all bundled weights may take, in half precision."""
    assert WEIGHTS.stat().st_size <= 8_000_000
    assert sum(f.stat().st_size for f in WEIGHTS.parent.rglob("*.safetensors")) < 40_000_000
    with safe_open(WEIGHTS, "pt") as tensors:
        kinds = {tensors.get_tensor(name).dtype for name in tensors.keys()}  # noqa: SIM118
    assert kinds <= {torch.float16, torch.int64}


def test_the_weights_fit_the_architecture_exactly() -> None:
    """Every tensor of the model is in the file, and no other; registering twice is harmless."""
    register_model()
    register_model()
    model = open_clip.create_model(NAME, pretrained=str(WEIGHTS))
    with safe_open(WEIGHTS, "pt") as tensors:
        assert set(tensors.keys()) == set(model.state_dict())
        first = tensors.get_tensor("visual.conv1.weight").float()
    assert torch.equal(model.visual.conv1.weight.detach(), first)


@pytest.mark.slow
@pytest.mark.parametrize("precision", PRECISIONS)
def test_held_out_prompts_find_their_clip_first(clips: list[Path], precision: str) -> None:
    """Among one clip of each of the 216 combinations, the right one is the best."""
    searcher = Searcher(precision=precision)
    vectors = searcher.embed_clips([searcher.read_frames(clip) for clip in clips])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    shown = [scene_attributes(scene_at(11, index)) for index in range(len(clips))]
    scores = searcher.embed_texts([text for text, _ in PROMPTS]) @ vectors.T
    assert mark_correct(PROMPTS, scores, shown)[:, 0].mean() >= 0.9
