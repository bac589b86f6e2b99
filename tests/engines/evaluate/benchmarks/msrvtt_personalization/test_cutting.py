"""Clips cut out of real videos: which frames, which size, which colours, which sound."""

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from support import golden

from engines.evaluate.benchmarks.msrvtt_personalization import cutting
from engines.video.cutting import resize_picture
from engines.video.frames import DecodeError


def cut(source: Path, folder: Path, start: float, end: float, size=(96, 64)) -> Path:
    folder.mkdir()
    how = {"start": start, "end": end, "width": size[0], "height": size[1]}
    cutting.work(str(source), str(folder), how)
    return folder


def decoded(file: Path) -> list[np.ndarray]:
    with av.open(str(file)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@pytest.mark.parametrize(
    ("fps", "start", "end"), [(25, 0.4, 1.2), (25, 0.0, 1.0), (30, 1 / 3, 1.0), (24, 0.51, 1.49)]
)
def test_frames_are_those_that_are_shown_at_each_time(
    fps: int, start: float, end: float, tmp_path: Path
) -> None:
    source = golden.clip(tmp_path / "a.mp4", frames=60, fps=fps)
    folder = cut(source, tmp_path / "clip", start, end)
    times = np.arange(0, end - start - 1e-6, 1 / fps)
    expected = np.floor(fps * (start + times) + 1e-5).astype(int).tolist()
    assert [golden.number(frame) for frame in decoded(folder / "video.mp4")] == expected


def test_the_three_frames_are_taken_from_the_clip_that_was_written(tmp_path: Path) -> None:
    folder = cut(golden.clip(tmp_path / "a.mp4"), tmp_path / "clip", 0.4, 1.2)
    clip = decoded(folder / "video.mp4")
    for name, share in (("frame1.jpg", 0.05), ("frame2.jpg", 0.5), ("frame3.jpg", 0.95)):
        frame = Image.open(folder / name)
        expected = clip[int(25 * 0.8 * share + 1e-5)]
        assert golden.number(np.asarray(frame)) == golden.number(expected)
        again = tmp_path / "again.jpg"
        Image.fromarray(expected).save(again, quality=75)
        assert (folder / name).read_bytes() == again.read_bytes()


@pytest.mark.parametrize(
    ("size", "format"), [((96, 64), "yuv420p"), ((97, 64), "yuv444p"), ((48, 33), "yuv444p")]
)
def test_odd_sides_keep_all_their_colour(
    size: tuple[int, int], format: str, tmp_path: Path
) -> None:
    folder = cut(golden.clip(tmp_path / "a.mp4"), tmp_path / "clip", 0.0, 0.4, size)
    with av.open(str(folder / "video.mp4")) as container:
        stream = container.streams.video[0]
        found = stream.width, stream.height, stream.pix_fmt, stream.average_rate
    assert found == (*size, format, 25)
    assert Image.open(folder / "frame1.jpg").size == size


def test_pictures_shrink_to_means_of_areas_and_grow_bilinearly() -> None:
    seen = np.random.default_rng(0).integers(0, 256, (8, 12, 3), np.uint8)
    means = seen.reshape(4, 2, 6, 2, 3).mean(axis=(1, 3))
    assert np.abs(resize_picture(seen, (6, 4)) - means).max() <= 0.5
    places = np.clip((np.arange(24) + 0.5) / 2 - 0.5, 0, 11)
    low = np.minimum(places.astype(int), 10)
    share = (places - low)[None, :, None]
    between = seen[:, low] * (1 - share) + seen[:, low + 1] * share
    assert np.abs(resize_picture(seen, (24, 8)) - between).max() <= 1


def test_sound_is_kept_and_cut_to_the_same_time(tmp_path: Path) -> None:
    folder = cut(golden.clip(tmp_path / "a.mp4", audio=True), tmp_path / "clip", 0.5, 1.5)
    with av.open(str(folder / "video.mp4")) as container:
        stream = container.streams.audio[0]
        heard = sum(frame.samples for frame in container.decode(stream))
    assert stream.codec_context.name == "aac"
    assert abs(heard / 44_100 - 1.0) < 0.1
    mute = cut(golden.clip(tmp_path / "b.mp4"), tmp_path / "mute", 0.5, 1.5)
    with av.open(str(mute / "video.mp4")) as container:
        assert not container.streams.audio


def test_a_video_that_ends_a_little_early_shows_its_last_frame_longer(tmp_path: Path) -> None:
    source = golden.clip(tmp_path / "a.mp4", frames=50)
    numbers = [
        golden.number(f) for f in decoded(cut(source, tmp_path / "c", 1.8, 2.2) / "video.mp4")
    ]
    assert numbers == [45, 46, 47, 48, 49, 49, 49, 49, 49, 49]
    with pytest.raises(DecodeError, match=r"9 s.*2\.00 s"):
        cut(source, tmp_path / "d", 5.0, 9.0)


def test_a_clip_as_it_lies_gives_its_frames_by_their_count(tmp_path: Path) -> None:
    source = golden.clip(tmp_path / "a.mp4", frames=40)
    cutting.work(str(source), str(tmp_path))
    names = ("frame1.jpg", "frame2.jpg", "frame3.jpg")
    assert [golden.number(np.asarray(Image.open(tmp_path / n))) for n in names] == [2, 20, 38]


def test_one_frame_is_all_three(tmp_path: Path) -> None:
    cutting.work(str(golden.clip(tmp_path / "a.mp4", frames=1)), str(tmp_path))
    assert len({(tmp_path / f"frame{n}.jpg").read_bytes() for n in (1, 2, 3)}) == 1


def test_the_same_video_gives_the_same_bytes(tmp_path: Path) -> None:
    source = golden.clip(tmp_path / "a.mp4")
    made = [cut(source, tmp_path / f"{n}", 0.4, 1.2, (72, 64)) for n in range(4)]
    for name in ("video.mp4", "frame1.jpg", "frame2.jpg", "frame3.jpg"):
        assert len({(folder / name).read_bytes() for folder in made}) == 1
