"""Grounding DINO's blocks, of published weights, as its papers write them."""

import pytest
import torch
from support import grounding_equations as equations
from support import toy_grounding

from engines.checkpoint import WeightShapes, load_weights
from engines.evaluate.models.grounding import build_network
from engines.evaluate.vision.grounding_names import to_transformers_keys

LEVELS = [(4, 5), (2, 3), (1, 2), (1, 1)]
PLACES = sum(height * width for height, width in LEVELS)
WIDTH = toy_grounding.SMALL.width


@pytest.fixture(scope="module")
def exact():
    """The network in float64, and the published weights, with all of them at work."""
    weights = toy_grounding.state()
    for name in weights:
        if "fusion_layers" in name and "gamma" in name:
            weights[name] = 1 - weights[name]
    net = build_network(WeightShapes(weights, "Grounding DINO"))
    net = load_weights(net, to_transformers_keys(weights), "Grounding DINO").cpu().double()
    return net.model, {name: value.double() for name, value in weights.items()}


@pytest.fixture
def noise():
    draw = torch.Generator().manual_seed(2)
    return lambda *shape: torch.randn(shape, generator=draw, dtype=torch.float64)


def seen_by(levels: list[tuple[int, int]]) -> dict:
    sizes = torch.tensor(levels)
    starts = torch.cat([torch.zeros(1, dtype=int), sizes.prod(1).cumsum(0)[:-1]])
    return {"spatial_shapes": sizes, "spatial_shapes_list": levels, "level_start_index": starts}


@pytest.mark.parametrize(("block", "shift"), [(0, 0), (1, 1)])
def test_windows_are_those_of_swin_shifted_every_other_time(exact, noise, block, shift) -> None:
    net, weights = exact
    x = noise(5, 7, 16)
    layer = net.backbone.conv_encoder.model.swin.encoder.layers[1].blocks[block]
    ours = layer(x.reshape(1, 35, 16), (5, 7), always_partition=True)[0]
    name = f"backbone.0.layers.1.blocks.{block}"
    written = equations.swin_block(weights, name, x, 2, 3, shift)
    torch.testing.assert_close(ours.view(5, 7, 16), written)


def test_neighbours_merge_in_the_published_order(exact, noise) -> None:
    net, weights = exact
    x = noise(4, 6, 16)
    layer = net.backbone.conv_encoder.model.swin.encoder.layers[1].downsample
    written = equations.merge_patches(weights, "backbone.0.layers.1.downsample", x)
    torch.testing.assert_close(layer(x.reshape(1, 24, 16), (4, 6)).view(2, 3, 32), written)


@pytest.mark.parametrize("layer", [0, 1])
def test_image_and_text_are_fused_both_ways(exact, noise, layer) -> None:
    net, weights = exact
    image, text = noise(PLACES, WIDTH), noise(6, WIDTH)
    ours = net.encoder.layers[layer].fusion_layer(image[None], text[None])
    name = f"transformer.encoder.fusion_layers.{layer}"
    for (mine, _), written in zip(
        ours, equations.fuse_image_and_text(weights, name, image, text), strict=True
    ):
        torch.testing.assert_close(mine[0], written)


def test_texts_attend_within_their_phrases(exact, noise) -> None:
    net, weights = exact
    text, places = noise(6, WIDTH), noise(6, WIDTH)
    together = torch.block_diag(*[torch.ones(n, n) for n in (1, 2, 3)]).bool()
    ours, _ = net.encoder.layers[0].text_enhancer_layer(text[None], together[None], places[None])
    name = "transformer.encoder.text_layers.0"
    written = equations.enhance_text(weights, name, text, places, ~together)
    torch.testing.assert_close(ours[0], written)


def test_places_look_at_a_few_points_of_each_level(exact, noise) -> None:
    net, weights = exact
    image, where = noise(PLACES, WIDTH), noise(PLACES, WIDTH)
    places = noise(PLACES, 2).sigmoid()
    ours, _ = net.encoder.layers[1].deformable_layer(
        image[None], torch.ones(1, PLACES, dtype=bool), where[None],
        places[None, :, None].expand(-1, -1, 4, -1), **seen_by(LEVELS),
    )  # fmt: skip
    name = "transformer.encoder.layers.1"
    written = equations.encode_image(weights, name, image, where, LEVELS, places)
    torch.testing.assert_close(ours[0], written)


def test_queries_look_at_themselves_the_text_and_boxes_of_the_image(exact, noise) -> None:
    net, weights = exact
    asked, where, text = noise(5, WIDTH), noise(5, WIDTH), noise(6, WIDTH)
    image, boxes = noise(PLACES, WIDTH), noise(5, 4).sigmoid()
    ours = net.decoder.layers[1](
        asked[None], where[None], boxes[None, :, None].expand(-1, -1, 4, -1),
        vision_encoder_hidden_states=image[None], text_encoder_hidden_states=text[None],
        vision_encoder_attention_mask=torch.ones(1, PLACES, dtype=bool), **seen_by(LEVELS),
    )[0]  # fmt: skip
    name = "transformer.decoder.layers.1"
    written = equations.decode_queries(weights, name, asked, where, text, image, LEVELS, boxes)
    torch.testing.assert_close(ours[0], written)
