"""SAM: blocks as the paper writes them, pictures and masks as its predictor has them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from support import sam_equations as equations
from support import toy_sam
from torch.nn.functional import interpolate

from data.errors import UserError
from data.specs.evaluate import EvaluateSpec
from engines.evaluate.models import sam

SPEC = EvaluateSpec()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("sam") / sam.FILE
    torch.save(toy_sam.state(), file)
    return file


@pytest.fixture(scope="module")
def segmenter(file: Path) -> sam.Segmenter:
    return sam.load(SPEC, str(file))


@pytest.fixture
def exact(file: Path):
    """The network in float64, and the published weights."""
    weights = {name: value.double() for name, value in toy_sam.state().items()}
    return sam.load(SPEC, str(file)).net.cpu().double(), weights


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64)


def footage(count: int = 6, height: int = 45, width: int = 80) -> np.ndarray:
    rng = np.random.default_rng(3)
    rough = rng.integers(0, 256, (count, 5, 8, 3), dtype=np.uint8)
    big = [Image.fromarray(one).resize((width, height), Image.Resampling.BICUBIC) for one in rough]
    return np.stack([np.asarray(one) for one in big])


@pytest.mark.parametrize(("layer", "window"), [(0, 3), (1, None)])
def test_a_block_attends_in_windows_or_everywhere_with_relative_places(exact, layer, window):
    net, weights = exact
    x = noise(8, 8, 32)
    written = equations.block(weights, f"image_encoder.blocks.{layer}", x, 2, window)
    torch.testing.assert_close(net.vision_encoder.layers[layer](x[None])[0], written)


@pytest.mark.parametrize("layer", [0, 1])
def test_prompts_and_picture_look_at_each_other(exact, layer) -> None:
    net, weights = exact
    tokens, image, places = noise(7, 32), noise(64, 32), noise(64, 32) / 2
    written = equations.two_way(
        weights, f"mask_decoder.transformer.layers.{layer}", tokens, image, places, layer == 0
    )
    ours = net.mask_decoder.transformer.layers[layer](
        queries=tokens[None, None], keys=image[None, None],
        query_point_embedding=tokens[None, None], key_point_embedding=places[None, None],
        attention_similarity=None,
    )  # fmt: skip
    for mine, theirs in zip(ours, written, strict=False):
        torch.testing.assert_close(mine[0, 0], theirs)


def test_heads_of_three_layers_keep_their_order(exact) -> None:
    net, weights = exact
    x = noise(5, 32)
    for n, head in enumerate(net.mask_decoder.output_hypernetworks_mlps):
        name = f"mask_decoder.output_hypernetworks_mlps.{n}"
        torch.testing.assert_close(head(x), equations.mlp(weights, name, x))
    iou = equations.mlp(weights, "mask_decoder.iou_prediction_head", x)
    torch.testing.assert_close(net.mask_decoder.iou_prediction_head(x), iou)


@pytest.mark.parametrize(
    ("size", "side", "small"),
    [((288, 512), 1024, (576, 1024)), ((240, 427), 1024, (576, 1024)), ((45, 80), 64, (36, 64)),
     ((240, 426), 1024, (577, 1024)), ((512, 512), 1024, (1024, 1024))],
)  # fmt: skip
def test_the_longer_side_becomes_the_models(size, side, small) -> None:
    assert sam.fit_size(size, side) == small


def test_a_picture_is_fitted_normalised_and_filled_up_with_zeros(segmenter) -> None:
    frame = footage(1)[0]
    small = np.asarray(Image.fromarray(frame).resize((64, 36), Image.Resampling.BILINEAR))
    written = np.zeros((3, 64, 64))
    for channel, (mean, std) in enumerate([(123.675, 58.395), (116.28, 57.12), (103.53, 57.375)]):
        written[channel, :36] = (small[..., channel].astype(np.float64) - mean) / std
    ours = segmenter._preprocess_frames([frame])[0].cpu().numpy()
    np.testing.assert_allclose(ours, written, atol=1e-6)


def test_masks_are_those_of_the_network_asked_frame_by_frame(segmenter) -> None:
    """Boxes scaled by axis; logits enlarged to the square, cut, and enlarged to the frame."""
    frames, device = footage(), segmenter.net.device
    boxes = [np.array([[4, 5, 40, 30], [-3, 20, 90, 44]])[: 1 + n % 2] for n in range(len(frames))]
    found = segmenter.predict_masks(frames, boxes)
    for frame, asked, (masks, ious) in zip(frames, boxes, found, strict=True):
        assert masks.shape == (len(asked), 45, 80) and masks.dtype == bool
        scaled = torch.tensor([[x * 64 / 80 if n % 2 == 0 else x * 36 / 45
                                for n, x in enumerate(box)] for box in asked.tolist()])  # fmt: skip
        with torch.no_grad():
            said = segmenter.net(
                segmenter._preprocess_frames([frame]),
                input_boxes=scaled[None].to(device),
                multimask_output=False,
            )
        square = interpolate(said.pred_masks[0], (64, 64), mode="bilinear")[..., :36, :]
        logits = interpolate(square, (45, 80), mode="bilinear")[:, 0].cpu().numpy()
        clear = np.abs(logits) > 1e-4
        assert np.array_equal((logits > 0)[clear], masks[clear]) and clear.mean() > 0.99
        np.testing.assert_allclose(ious, said.iou_scores[0, :, 0].cpu().numpy(), atol=1e-5)
        assert 0.05 < masks.mean() < 0.95


def test_the_same_video_gives_the_same_masks_whatever_came_before(segmenter) -> None:
    frames, boxes = footage(), [np.array([[4, 5, 40, 30]])] * 6
    once = list(segmenter.predict_masks(frames, boxes))
    assert len(list(segmenter.predict_masks(footage(3, 60, 60), boxes[:3]))) == 3
    for (masks, ious), (again, others) in zip(
        once, segmenter.predict_masks(frames, boxes), strict=True
    ):
        assert np.array_equal(masks, again) and np.array_equal(ious, others)


def test_no_frames_have_no_masks(segmenter) -> None:
    assert list(segmenter.predict_masks([], [])) == []


def test_a_weight_that_is_missing_or_left_over_is_named(tmp_path: Path) -> None:
    weights = toy_sam.state()
    weights["mask_decoder.extra"] = weights.pop("mask_decoder.iou_token.weight")
    torch.save(weights, tmp_path / "sam.pth")
    with pytest.raises(UserError, match=r"extra.*mask_decoder\.iou_token"):
        sam.load(SPEC, str(tmp_path / "sam.pth"))
