"""The refiners' networks: float64 transcriptions, published sizes, and what they must not do."""

import pytest
import torch
from support import refiner_equations as equations
from torch import nn

from engines.nets.augmented_unet import AugmentedUnet
from engines.nets.fuseformer import Discriminator, FuseConfig, FuseGenerator
from engines.nets.video_unet import UnetConfig, VideoUnet
from engines.nets.video_unet_parts import RelativeBias
from engines.nets.video_vq import VqAutoencoder, VqConfig
from engines.nets.video_vq_parts import Codebook

PLAIN = UnetConfig(residual=False, holes=False)
SMALL = UnetConfig(8, (1, 2), 2, 4, residual=False, holes=False)
EXACT = {"rtol": 0, "atol": 1e-10}


def settled(network: nn.Module) -> nn.Module:
    """In float64, with weights and statistics that nothing hides behind."""
    torch.manual_seed(1)
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                drawn = torch.randn_like(value) * 0.3
                norm = any(part in name for part in ("running_var", "gamma", "norm", "bn"))
                value.copy_(drawn.abs() + 0.5 if norm and "bias" not in name else drawn)
    return network.double().eval().requires_grad_(False)


def clip(*shape: int) -> torch.Tensor:
    torch.manual_seed(2)
    return torch.rand(*shape, dtype=torch.float64)


def test_the_plain_unet_is_its_equations() -> None:
    network, x = settled(VideoUnet(SMALL)), clip(2, 3, 3, 8, 6)
    expected = equations.unet(network.state_dict(), x, heads=2, levels=2).sigmoid()
    torch.testing.assert_close(network(x), expected, **EXACT)


def test_the_augmented_unet_is_its_equations() -> None:
    network, x = settled(AugmentedUnet(SMALL)), clip(1, 3, 3, 4, 6)
    expected = equations.augmented(network.state_dict(), x, heads=2, levels=2).sigmoid()
    torch.testing.assert_close(network(x), expected, **EXACT)


@pytest.mark.parametrize(
    ("downsample", "strides"),
    [((2, 4, 4), [(2, 2, 2), (1, 2, 2)]), ((2, 2, 2), [(2, 2, 2)]), ((1, 2, 1), [(1, 2, 1)])],
)
def test_the_autoencoder_is_its_equations(downsample, strides) -> None:
    network = settled(VqAutoencoder(VqConfig(8, 2, 6, 16, downsample)))
    x = clip(2, 3, 4, 8, 4) - 0.5
    vectors = network.pre_vq_conv(network.encoder(x)).movedim(1, -1).flatten(0, -2)
    some = vectors[torch.arange(16) % len(vectors)]
    network.codebook.embeddings.copy_(some + 0.1 * vectors.std() * torch.randn_like(some))
    expected, codes = equations.vq(network.state_dict(), x, 2, strides)
    decoded, quantised = network(x)
    assert torch.equal(quantised.codes.flatten(), codes) and len(codes.unique()) > 2
    torch.testing.assert_close(decoded, expected, **EXACT)


def test_fuseformer_is_its_equations() -> None:
    network = settled(FuseGenerator(FuseConfig(16, 2, 2, (4, 5))))
    for name in ("sc.bias", "sc.embedding.weight", "decoder.6.weight"):  # else a tanh hides all
        network.get_parameter(name).mul_(0.02)
    x = clip(1, 3, 2, 16, 20) * 2 - 1
    expected = equations.fuse(network.state_dict(), x, blocks=2, heads=2)
    torch.testing.assert_close(network(x), expected, rtol=0, atol=1e-8)


def test_buckets_of_distances_are_t5s() -> None:
    bias = RelativeBias(1)
    with torch.no_grad():
        bias.relative_attention_bias.weight.copy_(torch.arange(32.0)[:, None])
        found = bias(40, torch.device("cpu"))[0].long()
    expected = [[equations.bucket(i - j) for j in range(40)] for i in range(40)]
    assert found.tolist() == expected


@pytest.mark.parametrize(
    ("network", "config", "parameters"),
    [
        (VideoUnet, PLAIN, 33_592_323),
        (AugmentedUnet, PLAIN, 54_211_003),
        (VqAutoencoder, VqConfig(), 21_141_619),
        (FuseGenerator, FuseConfig(), 36_591_299),
        (FuseGenerator, FuseConfig(1024, 16, 8, (16, 16)), 148_901_379),
    ],
)
def test_at_full_size_there_are_as_many_parameters(network, config, parameters) -> None:
    with torch.device("meta"):
        full = network(config)
    assert sum(parameter.numel() for parameter in full.parameters()) == parameters


def test_full_size_networks_keep_the_shape_of_what_they_refine() -> None:
    with torch.device("meta"):
        x = torch.empty(1, 3, 16, 64, 64)
        generator = FuseGenerator(FuseConfig(1024, 16, 8, (16, 16)))
        for network in (VideoUnet(PLAIN), AugmentedUnet(PLAIN), generator):
            assert network.eval()(x).shape == x.shape
        decoded, quantised = VqAutoencoder(VqConfig()).eval()(x)
        assert decoded.shape == x.shape and quantised.codes.shape == (1, 4, 16, 16)
        assert Discriminator()(torch.empty(1, 3, 8, 64, 64)).shape == (1, 128, 8, 1, 1)


def test_an_untrained_residual_unet_changes_nothing() -> None:
    torch.manual_seed(0)
    network, x = VideoUnet(UnetConfig(8, (1, 2), 2, 4)), torch.rand(1, 3, 2, 4, 4)
    assert torch.equal(network(x, torch.ones(1, 1, 2, 4, 4)), x)


def test_holes_are_an_input_of_their_own() -> None:
    network, x = settled(VideoUnet(UnetConfig(8, (1,), 2, 4))), clip(1, 3, 2, 4, 4)
    holes = torch.zeros(1, 1, 2, 4, 4, dtype=torch.bool)
    assert torch.equal(network(x), network(x, holes))
    holes[0, 0, 1, 2:, 2:] = True
    assert not torch.equal(network(x), network(x, holes))


def test_two_generators_share_no_block() -> None:
    """Published, a default list of blocks was all generators' own."""
    one, other = (FuseGenerator(FuseConfig(16, 2, 2, (4, 4))) for _ in range(2))
    assert len(one.transformer) == len(other.transformer) == 2
    assert not {id(p) for p in one.parameters()} & {id(p) for p in other.parameters()}


def test_a_discriminator_has_spectral_norms_but_for_its_last_convolution() -> None:
    names = {name for name in Discriminator().state_dict() if name.endswith("weight_orig")}
    assert names == {f"conv.{place}.weight_orig" for place in (0, 2, 4, 6, 8)}
    assert Discriminator().conv[10].bias is not None and Discriminator().conv[0].bias is None


def test_codes_are_means_and_dead_ones_start_again_from_the_batch() -> None:
    torch.manual_seed(0)
    book, vectors = Codebook(4, 2), torch.tensor([[5.0, 5.0], [5.2, 5.0], [-3.0, 1.0], [-3.0, 1.2]])
    z = vectors.T[None, :, :, None, None]
    book.train()(z)
    assert torch.all((torch.cdist(book.embeddings, vectors) < 0.1).any(1))  # not random any more
    for _ in range(600):
        book(z)
    assert book(z).commitment < 0.01
    book.N[1] = 0.0  # a code that nothing is near to
    book.z_avg[1] = torch.tensor([90.0, 90.0])
    book.embeddings[1] = torch.tensor([90.0, 90.0])
    book(z)
    assert book.embeddings.abs().max() < 6
    held = book.eval().embeddings.clone()
    book(z + 1)
    assert torch.equal(book.embeddings, held)  # nothing is learnt from what is refined


def test_a_resumed_codebook_does_not_start_anew() -> None:
    torch.manual_seed(0)
    z = torch.randn(1, 2, 2, 3, 3)
    book, resumed = Codebook(4, 2), Codebook(4, 2)
    book.train()(z)
    resumed.load_state_dict(book.state_dict())
    torch.manual_seed(1)
    book(z)
    torch.manual_seed(1)
    resumed.train()(z)
    assert torch.equal(book.embeddings, resumed.embeddings)


def test_gradients_go_through_codes_to_the_encoder() -> None:
    network = VqAutoencoder(VqConfig(8, 1, 4, 8, (1, 2, 2)))
    decoded, quantised = network(torch.rand(1, 3, 2, 4, 4) - 0.5)
    (decoded.square().mean() + quantised.commitment).backward()
    assert all(p.grad is not None and p.grad.any() for p in network.encoder.parameters())


@pytest.mark.parametrize(
    ("config", "said"),
    [(lambda: VqConfig(downsample=(3, 4, 4)), "powers of two"),
     (lambda: VqConfig(downsample=(1, 1, 1)), "2 or more"),
     (lambda: FuseConfig(hidden=10, heads=4), "multiple of heads")],
)  # fmt: skip
def test_sizes_that_cannot_be_are_rejected(config, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        config()
