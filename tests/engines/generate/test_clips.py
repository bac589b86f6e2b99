from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support import golden

from data.records import Request, Source
from data.specs.pipeline import EmbedSpec, GenerateSpec, RagSpec, RetrieveSpec
from engines.embed.models.fake import Embedder
from engines.generate.clips import ClipError, ClipLoader
from engines.generate.protocol import ABSENT, ClipInputs
from engines.generate.windows import draw_window
from engines.video.decoders import pyav
from engines.video.frames import Resize, Sampling
from engines.video.guard.guard import Guard
from engines.video.resize import resize_pictures

CLIP = EmbedSpec(engine="fake", precision="fp32")
BOTH = ClipInputs(pixels=True, tokens=True)
SPEC = GenerateSpec(width=96, height=64, frames=6, fps=5, rag=RagSpec(token_every=2))


@pytest.fixture(scope="module")
def guard():
    with Guard(2, deadline_s=30.0) as guard:
        yield guard


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A clip of 4 s, and one of 0.4 s."""
    folder = tmp_path_factory.mktemp("bank")
    golden.clip(folder / "long.mp4", frames=100)
    golden.clip(folder / "short.mp4", frames=10)
    return folder


def source(path, rank=1, duration=None):
    return Source(rank, path.stem, f"content of {path.stem}", 0.5, str(path), duration=duration)


def request(*sources, id="r"):
    return Request(id, "p", "a prompt", 0, 1, tuple(sources))


def clips(guard, spec=SPEC, inputs=BOTH, **more):
    loader = ClipLoader(spec, CLIP, inputs, guard, **more)
    loader.load()
    return loader


def numbers(pixels):
    return [golden.number(picture) for picture in pixels.transpose(0, 2, 3, 1)]


def compat(*names):
    return SPEC.model_copy(update={"rag": RagSpec(token_every=2, compat=names)})


def embedded(path, sampling):
    """Frame vectors straight from the decoder, without windows."""
    parts = list(pyav.decode_frames(str(path), sampling, Embedder.resize))
    return Embedder(CLIP).embed_images(np.concatenate([part.pixels for part in parts]))


def test_a_window_hangs_on_the_seed_and_the_bytes_alone(files):
    long = source(files / "long.mp4", duration=4.0)
    starts = {
        draw_window(long, SPEC.model_copy(update={"seed": seed})).start_s for seed in range(20)
    }
    assert len(starts) == 20 and min(starts) >= 0 and max(starts) <= 4.0 - 6 / 5
    elsewhere = Source(3, "other", long.content, 0.1, "elsewhere.mp4", duration=4.0)
    assert draw_window(elsewhere, SPEC).key == draw_window(long, SPEC).key
    assert draw_window(source(files / "long.mp4", duration=1.0), SPEC).start_s == 0
    assert draw_window(source(files / "long.mp4"), SPEC).start_s == 0


def test_a_clip_is_a_window_at_the_generated_rate_and_size(guard, files):
    (clip,) = clips(guard).load_clips(request(source(files / "long.mp4", duration=4.0)))
    first = 25 * clip.start_s
    expected = [first + 5 * k for k in range(6)]
    assert clip.pixels.shape == (6, 3, 64, 96) and clip.pixels.dtype == np.uint8
    assert np.abs(np.array(numbers(clip.pixels)) - expected).max() <= 0.5
    assert clip.start_s > 0


@pytest.mark.parametrize(
    ("rate", "wanted", "stride"), [(25, 8, 3), (30, 8, 4), (24, 8, 3), (12, 16, 1)]
)
def test_as_published_frames_are_taken_by_a_stride(rate: int, wanted: int, stride: int) -> None:
    """ragme.md, section 2.7: stride = max(1, round(native fps / 8))."""
    asked = compat("frame_stride").model_copy(update={"fps": wanted})
    long = replace(source(Path("a.mp4"), duration=60.0), fps=float(rate))
    window = draw_window(long, asked)
    assert window.speed * wanted == pytest.approx(rate / stride)
    assert draw_window(long, SPEC.model_copy(update={"fps": wanted})).speed == 1
    assert draw_window(replace(long, fps=None), asked).speed == 1


def test_frames_of_a_stride_are_whole_frames_of_the_clip(guard, files):
    asked = compat("frame_stride").model_copy(update={"fps": 8})
    long = replace(source(files / "long.mp4", duration=4.0), fps=25.0)
    (clip,) = clips(guard, asked).load_clips(request(long))
    taken = numbers(clip.pixels)
    assert np.diff(taken).tolist() == [3] * 5


def test_every_nth_frame_of_it_becomes_a_vector(guard, files):
    (clip,) = clips(guard).load_clips(request(source(files / "long.mp4")))
    expected = embedded(files / "long.mp4", Sampling(10))[:3]
    assert clip.tokens.dtype == np.float32
    np.testing.assert_array_equal(clip.tokens, expected)


def test_a_generator_gets_only_what_it_wants(guard, files):
    one = request(source(files / "long.mp4"))
    (pixels,) = clips(guard, inputs=ClipInputs(pixels=True)).load_clips(one)
    (tokens,) = clips(guard, inputs=ClipInputs(tokens=True)).load_clips(one)
    assert pixels.tokens is None and pixels.pixels is not None
    assert tokens.pixels is None and tokens.tokens is not None
    assert pixels.key == tokens.key


def test_clips_come_by_rank(guard, files):
    found = clips(guard).load_clips(
        request(source(files / "long.mp4", 2), source(files / "short.mp4", 1))
    )
    assert [clip.source.video_id for clip in found] == ["short", "long"]


def test_a_short_clip_repeats_its_last_frame(guard, files):
    (clip,) = clips(guard).load_clips(request(source(files / "short.mp4", duration=0.4)))
    assert numbers(clip.pixels) == [0, 5, 9, 9, 9, 9]
    last = embedded(files / "short.mp4", Sampling(9))[1]
    np.testing.assert_array_equal(clip.tokens[1:], [last, last])


def test_as_published_a_short_clip_ends_in_black(guard, files):
    one = compat("absent_as_grey").model_copy(update={"retrieve": RetrieveSpec(k=1)})
    (clip,) = clips(guard, one).load_clips(request(source(files / "short.mp4")))
    assert [bool(picture.any()) for picture in clip.pixels] == [True] * 3 + [False] * 3
    black = Embedder(CLIP).embed_images(np.zeros((1, 3, 8, 8), np.uint8))
    np.testing.assert_array_equal(clip.tokens[2:], black)


def test_as_published_a_missing_hit_is_a_black_picture_to_clip(guard, files):
    few = compat("absent_as_grey").model_copy(update={"retrieve": RetrieveSpec(k=3)})
    loader = clips(guard, few)
    found = loader.load_clips(request(source(files / "long.mp4")))
    assert [clip.key == ABSENT for clip in found] == [False, True, True]
    black = Embedder(CLIP).embed_images(np.zeros((1, 3, 8, 8), np.uint8))
    np.testing.assert_array_equal(found[1].tokens, np.repeat(black, 3, axis=0))
    assert found[1].tokens.shape == found[0].tokens.shape
    assert found[1].pixels.shape == found[0].pixels.shape
    assert loader.load_clips(request()) == []
    assert len(clips(guard).load_clips(request(source(files / "long.mp4")))) == 1


def test_pixels_cover_the_size_unless_they_are_stretched_as_published(guard, files):
    tall = SPEC.model_copy(update={"width": 32})
    stretched = compat("stretched").model_copy(update={"width": 32})
    one = request(source(files / "long.mp4"))
    whole = np.stack([golden.picture(0)])
    for spec, mode in ((tall, "shortest"), (stretched, "squash")):
        (clip,) = clips(guard, spec).load_clips(one)
        expected = resize_pictures(whole, Resize(64, mode, width=32))[0]
        assert np.abs(clip.pixels[0].astype(int) - expected).mean() < 8
        assert clip.pixels.shape == (6, 3, 64, 32)


def test_as_published_dark_pixels_wrap_before_clip_sees_them(guard, files):
    (clip,) = clips(guard, compat("wrapped_pixels")).load_clips(request(source(files / "long.mp4")))
    shown = []
    for picture in clip.pixels[::2]:
        values = picture.astype(np.float32) / np.float32(127.5) - 1
        shown.append([[[int(v * 255) % 256 for v in row] for row in plane] for plane in values])
    pictures = np.array(shown, np.uint8).transpose(0, 2, 3, 1)
    expected = Embedder(CLIP).embed_images(resize_pictures(pictures, Embedder.resize))
    np.testing.assert_array_equal(clip.tokens, expected)


def test_a_clip_is_decoded_once_for_all_requests(guard, files):
    held = clips(guard)
    long = source(files / "long.mp4", 1, 4.0)
    (first,) = held.load_clips(request(long))
    second = held.load_clips(request(long, source(files / "short.mp4", 2, 0.4), id="s"))[0]
    assert second.pixels is first.pixels
    np.testing.assert_array_equal(second.tokens, first.tokens)
    saved = held.count_cache_use()
    assert (saved.pixels_made, saved.pixels_reused) == (2, 1)
    assert (saved.tokens_made, saved.tokens_reused, saved.tokens_stored) == (2, 1, 0)


@pytest.mark.parametrize("spec", [SPEC, compat("stretched")])
def test_a_clip_is_the_same_whatever_it_is_asked_with(guard, files, spec):
    long, short = source(files / "long.mp4", 1, 4.0), source(files / "short.mp4", 2, 0.4)
    alone, together = (
        clips(guard, spec).load_clips(request(long)),
        clips(guard, spec).load_clips(request(short, long)),
    )
    np.testing.assert_array_equal(alone[0].pixels, together[0].pixels)
    np.testing.assert_array_equal(alone[0].tokens, together[0].tokens)


def test_a_clip_that_cannot_be_decoded_is_named_and_asked_once(guard, files, tmp_path):
    bad = source(golden.html(tmp_path / "bad.mp4"), 1)
    good = source(files / "short.mp4", 2)
    held = clips(guard)
    for _ in range(2):
        with pytest.raises(ClipError, match="undecodable") as fault:
            held.load_clips(request(bad, good))
        assert fault.value.video_id == "bad"
    assert held.count_cache_use().pixels_made == 2
    assert [clip.source.video_id for clip in held.load_clips(request(good))] == ["short"]


def test_a_clip_that_is_gone_says_so(guard, files, tmp_path):
    with pytest.raises(ClipError, match="missing"):
        clips(guard, inputs=ClipInputs(tokens=True)).load_clips(
            request(source(tmp_path / "gone.mp4"))
        )


def test_stored_vectors_are_taken_where_they_are_of_the_same_frames(guard, files):
    seconds = np.arange(40) / 10
    vectors = np.random.default_rng(0).standard_normal((40, 32)).astype(np.float16)
    held = clips(guard, stored=lambda content: (seconds, vectors))
    (clip,) = held.load_clips(request(source(files / "long.mp4")))
    np.testing.assert_array_equal(clip.tokens, vectors[[0, 4, 8]].astype(np.float32))
    assert held.count_cache_use().tokens_stored == 1 and held.count_cache_use().tokens_made == 0


@pytest.mark.parametrize(
    "stored",
    [lambda content: (np.arange(4.0), np.zeros((4, 32))), lambda content: None],
    ids=["too far apart", "none"],
)
def test_other_stored_vectors_are_not(guard, files, stored):
    held = clips(guard, stored=stored)
    (clip,) = held.load_clips(request(source(files / "long.mp4")))
    np.testing.assert_array_equal(clip.tokens, embedded(files / "long.mp4", Sampling(10))[:3])
    assert held.count_cache_use().tokens_stored == 0


def test_the_window_of_a_moment_lies_within_it(files) -> None:
    """Or around it, where it is shorter than the generated video, and never beyond the clip."""
    whole, length = source(files / "long.mp4", duration=4.0), SPEC.frames / SPEC.fps
    for first, last, low, high in [
        (0.5, 3.5, 0.5, 2.3),
        (2.0, 2.4, 1.6, 1.6),
        (3.8, 4.0, 2.8, 2.8),
    ]:
        starts = {
            draw_window(replace(whole, content=str(n), start_sec=first, end_sec=last), SPEC).start_s
            for n in range(20)
        }
        assert low - 0.001 <= min(starts) and max(starts) <= high + 0.001, length
        assert len(starts) == (1 if low == high else 20)
    assert draw_window(replace(whole, start_sec=None), SPEC) == draw_window(whole, SPEC)
