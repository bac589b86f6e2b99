"""What frames go through to the detector, and boxes on their way back."""

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from support.toy_models import yolo_state

from data.errors import UserError
from data.specs.evaluate import EvaluateSpec
from engines.evaluate.models import face_detector
from engines.nets.yolov9 import build_network


def frames(count: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("size", "boxed"),
    [
        ((256, 256), (640, 640)), ((288, 512), (384, 640)), ((240, 320), (480, 640)),
        ((240, 427), (384, 640)), ((1024, 1024), (640, 640)), ((640, 360), (640, 384)),
    ],
)  # fmt: skip
def test_a_frame_is_fitted_and_padded_to_the_next_multiples_of_32(size, boxed) -> None:
    seen = frames(1, *size)[0]
    found = face_detector.letterbox_frame(seen)
    assert found.shape == (*boxed, 3)
    scale = min(640 / size[0], 640 / size[1])
    tall, wide = round(size[0] * scale), round(size[1] * scale)
    down, across = (boxed[0] - tall) / 2, (boxed[1] - wide) / 2
    inner = cv2.resize(seen, (wide, tall), interpolation=cv2.INTER_LINEAR)
    wanted = cv2.copyMakeBorder(
        inner, round(down - 0.1), round(down + 0.1), round(across - 0.1), round(across + 0.1),
        cv2.BORDER_CONSTANT, value=(114, 114, 114),
    )  # fmt: skip
    assert np.array_equal(found, wanted)


def test_a_box_comes_back_to_its_frame_and_is_cut_to_it() -> None:
    inner = np.array([64.0, 76.0, 320.0, 204.0])  # 12 rows of grey above, scale 1.25
    assert face_detector.restore_box(inner, (384, 640), (288, 512)) == (51, 51, 256, 154)
    beyond = np.array([-30.0, -5.0, 700.0, 500.0])
    assert face_detector.restore_box(beyond, (384, 640), (288, 512)) == (0, 0, 512, 288)


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("faces") / face_detector.FILE
    save_file(yolo_state(), path)
    return str(path)


def transcribed(seen: np.ndarray, head: str, bgr: bool) -> tuple[int, ...]:
    """Letterbox, detector, suppression by overlap and the way back, as the text has them."""
    from torchvision.ops import nms

    held = yolo_state()
    net = build_network({n: tuple(v.shape) for n, v in held.items()}).eval().double()
    net.load_state_dict(held)
    boxed = face_detector.letterbox_frame(seen)
    shown = boxed[..., ::-1] if bgr else boxed
    x = torch.from_numpy(shown.transpose(2, 0, 1) / 255.0)[None]
    with torch.inference_mode():
        boxes, scores = net(x, head)
    sure = scores[0, :, 0] > 0.2
    boxes, scores = boxes[0][sure], scores[0, sure, 0]
    x0, y0, x1, y1 = boxes[nms(boxes, scores, 0.4)[:1000]][0].tolist()
    gain = min(boxed.shape[0] / seen.shape[0], boxed.shape[1] / seen.shape[1])
    across = (boxed.shape[1] - seen.shape[1] * gain) / 2
    down = (boxed.shape[0] - seen.shape[0] * gain) / 2
    corners = ((x0 - across) / gain, (y0 - down) / gain, (x1 - across) / gain, (y1 - down) / gain)
    most = (seen.shape[1], seen.shape[0]) * 2
    return tuple(round(min(max(c, 0), m)) for c, m in zip(corners, most, strict=True))


@pytest.mark.parametrize(("head", "order"), [("aux", "bgr"), ("main", "bgr"), ("aux", "rgb")])
def test_the_surest_box_is_that_of_the_text(head, order, file) -> None:
    spec = EvaluateSpec(face_head=head, face_channel_order=order)
    seen = frames(2, 90, 160)
    found = face_detector.load(spec, file).detect(seen)
    assert found == [transcribed(each, head, order == "bgr") for each in seen]


def test_a_frame_without_a_sure_face_has_none(tmp_path) -> None:
    held = yolo_state()
    for n in range(3):
        held[f"model.38.cv3.{n}.2.bias"] -= 50
    save_file(held, tmp_path / "a.safetensors")
    found = face_detector.load(EvaluateSpec(), str(tmp_path / "a.safetensors"))
    assert found.detect(frames(2, 64, 64)) == [None, None]
    assert found.detect(frames(0, 64, 64)) == []


def test_a_checkpoint_without_the_auxiliary_branch_is_refused(tmp_path) -> None:
    held = {n: v for n, v in yolo_state().items() if not n.startswith("model.38.cv3")}
    save_file(held, tmp_path / "a.safetensors")
    with pytest.raises(UserError, match="auxiliary branch"):
        face_detector.load(EvaluateSpec(), str(tmp_path / "a.safetensors"))


def test_the_published_pickle_is_converted_by_a_command_and_then_loads(file, tmp_path) -> None:
    from engines.evaluate.vision.convert import extract_weights

    net = build_network({n: tuple(v.shape) for n, v in yolo_state().items()})
    net.load_state_dict(yolo_state())
    torch.save({"ema": None, "model": net.half()}, tmp_path / "best.pt")
    with pytest.raises(UserError, match="reelflow convert-checkpoint"):
        face_detector.load(EvaluateSpec(), str(tmp_path / "best.pt"))
    extract_weights(str(tmp_path / "best.pt"), str(tmp_path / face_detector.FILE))
    found = face_detector.load(EvaluateSpec(), str(tmp_path / face_detector.FILE))
    assert len(found.detect(frames(1, 64, 64))) == 1
