"""IResNet: its published names and sizes, and the network written out once more."""

import torch
from support.toy_models import arcface_state
from torch.nn.functional import batch_norm, conv2d, linear, prelu

from engines.nets.iresnet import IResNet, Sizes, read_sizes

PARAMETERS, TENSORS = 65_156_160, 925  # of arcface_torch's IResNet-100


def test_the_published_size_has_the_published_parameters() -> None:
    with torch.device("meta"):
        net = IResNet(Sizes())
    held = net.state_dict()
    assert sum(each.numel() for each in net.parameters()) == PARAMETERS
    assert len(held) == TENSORS
    shapes = {name: tuple(value.shape) for name, value in held.items()}
    assert read_sizes(shapes) == Sizes()
    assert shapes["layer3.29.conv2.weight"] == (256, 256, 3, 3)
    assert shapes["layer2.0.downsample.0.weight"] == (128, 64, 1, 1)
    assert shapes["fc.weight"] == (512, 25088)
    assert shapes["layer4.2.prelu.weight"] == (512,)
    assert not any(name.startswith("layer1.1.downsample") for name in shapes)


def transcribed(held, x):
    """Stem, four stages of pre-normed blocks, tail; each operation by the names of its weights."""

    def normed(name, y):
        kept = (held[f"{name}.{each}"] for each in ("running_mean", "running_var"))
        return batch_norm(y, *kept, held[f"{name}.weight"], held[f"{name}.bias"], eps=1e-5)

    def bent(name, y):
        return prelu(y, held[f"{name}.weight"])

    x = bent("prelu", normed("bn1", conv2d(x, held["conv1.weight"], padding=1)))
    for stage in ("layer1", "layer2", "layer3", "layer4"):
        n = 0
        while f"{stage}.{n}.conv1.weight" in held:
            at, stride = f"{stage}.{n}", 2 if n == 0 else 1
            y = conv2d(normed(f"{at}.bn1", x), held[f"{at}.conv1.weight"], padding=1)
            y = bent(f"{at}.prelu", normed(f"{at}.bn2", y))
            y = conv2d(y, held[f"{at}.conv2.weight"], stride=stride, padding=1)
            short = x
            if f"{at}.downsample.0.weight" in held:
                short = conv2d(x, held[f"{at}.downsample.0.weight"], stride=stride)
                short = normed(f"{at}.downsample.1", short)
            x, n = normed(f"{at}.bn3", y) + short, n + 1
    flat = normed("bn2", x).flatten(1)
    return normed("features", linear(flat, held["fc.weight"], held["fc.bias"]))


def test_the_network_is_what_it_is_written_to_be() -> None:
    held = arcface_state()
    net = IResNet(read_sizes({name: tuple(value.shape) for name, value in held.items()})).eval()
    net.load_state_dict(held)
    x = torch.rand(2, 3, 112, 112, generator=torch.Generator().manual_seed(0)) * 2 - 1
    wide = {n: v.double() if v.is_floating_point() else v for n, v in held.items()}
    with torch.inference_mode():
        assert torch.allclose(net(x).double(), transcribed(wide, x.double()), atol=1e-4)
