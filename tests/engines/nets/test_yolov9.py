"""YOLOv9-C: its published counts, and the network written out once more by its numbers."""

import pytest
import torch
from support.toy_models import yolo_state
from torch.nn.functional import avg_pool2d, batch_norm, conv2d, interpolate, max_pool2d, silu

from engines.nets.yolov9 import YoloV9C, build_network

# What training logs of the authors' repository say of YOLOv9-C with 3 classes.
PARAMETERS, TENSORS = 51_004_210, 1460
OF_LAYERS = {35: 656_384, 36: 0, 37: 2_857_472, 38: 21_547_442}


def test_the_published_size_has_the_published_parameters() -> None:
    with torch.device("meta"):
        net = YoloV9C(classes=3)
    assert sum(each.numel() for each in net.parameters()) == PARAMETERS
    assert len(net.state_dict()) == TENSORS
    for n, count in OF_LAYERS.items():
        assert sum(each.numel() for each in net.model[n].parameters()) == count


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("model.1.conv.weight", (64, 3, 3, 3)),
        ("model.3.cv2.0.m.0.cv1.conv1.conv.weight", (32, 32, 3, 3)),
        ("model.3.cv2.0.m.0.cv1.conv2.bn.running_var", (32,)),
        ("model.3.cv3.1.conv.weight", (64, 64, 3, 3)),
        ("model.3.cv4.conv.weight", (256, 256, 1, 1)),
        ("model.4.cv1.conv.weight", (128, 128, 3, 3)),
        ("model.10.cv5.conv.weight", (512, 1024, 1, 1)),
        ("model.16.cv1.conv.weight", (256, 1024, 1, 1)),
        ("model.19.cv1.conv.weight", (512, 768, 1, 1)),
        ("model.25.conv.weight", (1280, 512, 1, 1)),
        ("model.25.conv.bias", (1280,)),
        ("model.26.conv.weight", (64, 3, 3, 3)),
        ("model.38.cv2.0.0.conv.weight", (128, 512, 3, 3)),
        ("model.38.cv2.1.1.conv.weight", (128, 32, 3, 3)),
        ("model.38.cv3.2.2.weight", (1, 512, 1, 1)),
        ("model.38.cv4.0.2.weight", (64, 16, 1, 1)),
        ("model.38.cv5.0.0.conv.weight", (256, 256, 3, 3)),
        ("model.38.dfl2.conv.weight", (1, 16, 1, 1)),
    ],
)
def test_parameters_are_named_and_shaped_as_published(name, shape) -> None:
    with torch.device("meta"):
        held = YoloV9C(classes=1).state_dict()
    assert tuple(held[name].shape) == shape


def test_width_and_classes_are_read_off_a_checkpoint() -> None:
    with torch.device("meta"):
        shapes = {n: tuple(v.shape) for n, v in YoloV9C(classes=5, width=8).state_dict().items()}
        net = build_network(shapes)
    assert {n: tuple(v.shape) for n, v in net.state_dict().items()} == shapes


# Each number's kind and where it comes from; -1 is the one before.
GRAPH = {
    1: ("conv", 0), 2: ("conv", 1), 3: ("elan", 2), 4: ("down", 3), 5: ("elan", 4),
    6: ("down", 5), 7: ("elan", 6), 8: ("down", 7), 9: ("elan", 8), 10: ("spp", 9),
    11: ("up", 10), 12: ("cat", 11, 7), 13: ("elan", 12), 14: ("up", 13), 15: ("cat", 14, 5),
    16: ("elan", 15), 17: ("down", 16), 18: ("cat", 17, 13), 19: ("elan", 18), 20: ("down", 19),
    21: ("cat", 20, 10), 22: ("elan", 21), 23: ("split", 5), 24: ("split", 7), 25: ("split", 9),
    26: ("conv", 0), 27: ("conv", 26), 28: ("elan", 27), 29: ("down", 28),
    30: ("fuse", (23, 0), (24, 0), (25, 0), 29), 31: ("elan", 30), 32: ("down", 31),
    33: ("fuse", (24, 1), (25, 1), 32), 34: ("elan", 33), 35: ("down", 34),
    36: ("fuse", (25, 2), 35), 37: ("elan", 36),
}  # fmt: skip
LEVELS = {"aux": (31, 34, 37), "main": (16, 19, 22)}
BRANCHES = {"aux": ("cv2", "cv3"), "main": ("cv4", "cv5")}


class Transcribed:
    """The network as functions of a state dict, in its precision."""

    def __init__(self, held) -> None:
        self.held = held

    def conv(self, at, x, stride=1, groups=1, bend=True):
        weight = self.held[f"{at}.conv.weight"]
        y = conv2d(x, weight, None, stride, weight.shape[-1] // 2, groups=groups)
        kept = (self.held[f"{at}.bn.{n}"] for n in ("running_mean", "running_var"))
        y = batch_norm(y, *kept, *self.both(f"{at}.bn"), eps=1e-3)
        return silu(y) if bend else y

    def both(self, at):
        return self.held[f"{at}.weight"], self.held[f"{at}.bias"]

    def csp(self, at, x):
        one = self.conv(f"{at}.cv1", x)
        pair = (self.conv(f"{at}.m.0.cv1.conv{n}", one, bend=False) for n in (1, 2))
        one = one + self.conv(f"{at}.m.0.cv2", silu(sum(pair)))
        return self.conv(f"{at}.cv3", torch.cat([one, self.conv(f"{at}.cv2", x)], 1))

    def elan(self, at, x):
        seen = list(self.conv(f"{at}.cv1", x).chunk(2, 1))
        for part in ("cv2", "cv3"):
            seen.append(self.conv(f"{at}.{part}.1", self.csp(f"{at}.{part}.0", seen[-1])))
        return self.conv(f"{at}.cv4", torch.cat(seen, 1))

    def down(self, at, x):
        one, two = avg_pool2d(x, 2, 1).chunk(2, 1)
        two = self.conv(f"{at}.cv2", max_pool2d(two, 3, 2, 1))
        return torch.cat([self.conv(f"{at}.cv1", one, stride=2), two], 1)

    def spp(self, at, x):
        seen = [self.conv(f"{at}.cv1", x)]
        for _ in range(3):
            seen.append(max_pool2d(seen[-1], 5, 1, 2))
        return self.conv(f"{at}.cv5", torch.cat(seen, 1))

    def features(self, x):
        made, width = {0: x}, self.held["model.1.conv.weight"].shape[0]
        for n, (kind, *sources) in GRAPH.items():
            at = f"model.{n}"
            inputs = [made[s] if isinstance(s, int) else made[s[0]][s[1]] for s in sources]
            if kind == "conv":
                made[n] = self.conv(at, inputs[0], stride=2)
            elif kind == "up":
                made[n] = inputs[0].repeat_interleave(2, 2).repeat_interleave(2, 3)
            elif kind == "cat":
                made[n] = torch.cat(inputs, 1)
            elif kind == "split":
                parts = [4 * width, 8 * width, 8 * width][: n - 22]
                made[n] = conv2d(inputs[0], *self.both(f"{at}.conv")).split(parts, 1)
            elif kind == "fuse":
                sides = inputs[-1].shape[2:]
                made[n] = sum(interpolate(each, sides, mode="nearest") for each in inputs)
            else:
                made[n] = getattr(self, kind)(at, inputs[0])
        return made

    def found(self, x, head):
        """Boxes and scores, place by place of each level."""
        made, (box, score) = self.features(x), BRANCHES[head]
        boxes, scores = [], []
        for n, (level, stride) in enumerate(zip(LEVELS[head], (8, 16, 32), strict=True)):
            at = f"model.38.{box}.{n}"
            y = self.conv(f"{at}.1", self.conv(f"{at}.0", made[level]), groups=4)
            y = conv2d(y, *self.both(f"{at}.2"), groups=4)
            at = f"model.38.{score}.{n}"
            s = conv2d(
                self.conv(f"{at}.1", self.conv(f"{at}.0", made[level])), *self.both(f"{at}.2")
            )
            for row in range(y.shape[2]):
                for column in range(y.shape[3]):
                    sides = y[:, :, row, column].view(-1, 4, 16).softmax(2) @ torch.arange(16.0).to(
                        y
                    )
                    centre = torch.tensor([column + 0.5, row + 0.5]).to(y)
                    corners = torch.cat([centre - sides[:, :2], centre + sides[:, 2:]], 1)
                    boxes.append(corners * stride)
                    scores.append(s[:, :, row, column].sigmoid())
        return torch.stack(boxes, 1), torch.stack(scores, 1)


@pytest.mark.parametrize("head", ["aux", "main"])
def test_the_network_is_what_it_is_written_to_be(head) -> None:
    held = yolo_state(width=4, classes=2)
    net = build_network({name: tuple(value.shape) for name, value in held.items()}).eval()
    net.load_state_dict(held)
    x = torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    wide = {n: v.double() if v.is_floating_point() else v for n, v in held.items()}
    with torch.inference_mode():
        boxes, scores = net(x, head)
        their_boxes, their_scores = Transcribed(wide).found(x.double(), head)
    assert boxes.shape == (2, 8 * 12 + 4 * 6 + 2 * 3, 4) and scores.shape[2] == 2
    assert torch.allclose(boxes.double(), their_boxes, atol=1e-3)
    assert torch.allclose(scores.double(), their_scores, atol=1e-5)
    assert scores.std() > 0.01
