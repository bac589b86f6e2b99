import numpy as np
import pytest
from support import golden
from support.paths import REAL_CLIPS

from engines.video import packet_plan
from engines.video.frames import Sampling
from engines.video.packet_plan import NeedsSequential, PacketPlan, plan_spans
from engines.video.video_file import VideoFile

REAL = sorted(REAL_CLIPS.glob("corpus/videos/*")) + sorted(REAL_CLIPS.glob("formats/*"))
REAL += sorted(REAL_CLIPS.glob("personalization/*/*.mp4"))
X264 = {"g": "30", "keyint_min": "30", "sc_threshold": "0"}
UNEVEN = [40 * k + 7 * (k % 5) + (900 if k > 60 else 0) for k in range(120)]
MADE = {
    "closed.mp4": {"options": X264 | {"bf": "3"}},
    "open_pyramid.mp4": {"options": X264 | {"bf": "3", "x264-params": "open-gop=1:b-pyramid=2"}},
    "strict_pyramid.mp4": {"options": X264 | {"bf": "8", "x264-params": "b-pyramid=1"}},
    "no_b.mp4": {"options": X264 | {"bf": "0"}},
    "long.mp4": {"options": {"g": "250", "bf": "3"}, "frames": 300},
    "intra.mp4": {"options": {"g": "1"}},
    "refresh.mp4": {"options": {"x264-params": "intra-refresh=1:keyint=30:bframes=0"}},
    "interlaced.mp4": {"options": X264 | {"x264-params": "interlaced=1"}},
    "uneven.mp4": {"options": X264, "times": UNEVEN},
    "ten.mp4": {"options": X264, "pix_fmt": "yuv420p10le"},
    "h264.mkv": {"options": X264 | {"x264-params": "open-gop=1"}},
    "h264.ts": {"options": X264},
    "h264.h264": {"options": X264, "format": "h264"},
    "h264.flv": {"options": X264},
    "live.mkv": {"options": X264, "muxer": {"live": "1"}},
    "sound.mp4": {"options": X264, "audio": True},
    "parts.mp4": {"options": X264, "muxer": {"movflags": "frag_keyframe+empty_moov"}},
    "mpeg4.mp4": {"codec": "mpeg4", "options": {"g": "24", "bf": "2"}},
    "mpeg4.avi": {"codec": "mpeg4", "options": {"g": "24", "bf": "2"}},
    "mpeg2.ts": {"codec": "mpeg2video", "options": {"g": "24", "bf": "2"}},
    "mpeg2.mkv": {"codec": "mpeg2video", "options": {"g": "24", "bf": "2"}},
    "motion.avi": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
    "hevc.mp4": {"codec": "libx265", "options": {"x265-params": "log-level=none:keyint=30"}},
    "closed_hevc.mkv": {
        "codec": "libx265",
        "options": {"x265-params": "log-level=none:keyint=30:open-gop=0:bframes=4"},
    },
    "layers.mp4": {
        "codec": "libx265",
        "options": {"x265-params": "log-level=none:keyint=30:temporal-layers=3"},
    },
    "vp9.webm": {
        "codec": "libvpx-vp9",
        "options": {"deadline": "realtime", "cpu-used": "8", "g": "30", "lag-in-frames": "16"},
    },
    "vp8.webm": {
        "codec": "libvpx",
        "options": {"deadline": "good", "cpu-used": "8", "g": "30", "auto-alt-ref": "1"},
    },
    "av1.mkv": {"codec": "libsvtav1", "options": {"preset": "12", "g": "30"}},
}
SAMPLINGS = [Sampling(25), Sampling(7), Sampling(None, fps=1.3), Sampling(90)]
SAMPLINGS += [Sampling(None, fps=8.0, start_s=start, count=12) for start in (0.0, 1.37, 30.0)]
RELIABLE = ("closed.mp4", "open_pyramid.mp4", "long.mp4", "uneven.mp4", "hevc.mp4", "vp9.webm")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Makes each file once; skips where its encoder is absent."""
    from av.codec.codec import UnknownCodecError

    folder, paths = tmp_path_factory.mktemp("made"), {}

    def make(name):
        if name not in paths:
            try:
                paths[name] = golden.clip(folder / name, **({"frames": 120} | MADE[name]))
            except UnknownCodecError as error:
                pytest.skip(f"no encoder here: {error}")
        return paths[name]

    return make


def same(found, expected):
    assert [f[0] for f in found] == [f[0] for f in expected]
    np.testing.assert_allclose([f[1] for f in found], [f[1] for f in expected], atol=1e-9)
    for (index, _, ours), (_, _, theirs) in zip(found, expected, strict=True):
        assert np.array_equal(ours.to_ndarray(), theirs.to_ndarray()), f"frame {index}"


def check(path):
    everything = list(VideoFile(str(path)).decode_sequential(Sampling(1)))
    for sampling in SAMPLINGS:
        expected = list(VideoFile(str(path)).decode_sequential(sampling))
        if sampling.every_nth:
            assert [f[0] for f in expected] == list(range(0, len(everything), sampling.every_nth))
        same(list(VideoFile(str(path)).decode_sampled(sampling)), expected)


@pytest.mark.parametrize("name", MADE)
def test_sparse_decoding_gives_the_frames_of_plain_decoding(made, name):
    check(made(name))


@pytest.mark.slow
@pytest.mark.real_clips
@pytest.mark.parametrize("path", REAL, ids=lambda path: "/".join(path.parts[-2:]))
def test_sparse_decoding_gives_the_frames_of_plain_decoding_on_real_clips(path):
    check(path)


@pytest.mark.parametrize("name", ["closed.mp4", "open_pyramid.mp4", "uneven.mp4"])
def test_a_window_reads_no_further_than_it_reaches(made, name, monkeypatch):
    import engines.video.video_file as decoder

    plans = []

    def survey(*given):
        plans.append(packet_plan.scan_packets(*given))
        return plans[-1]

    monkeypatch.setattr(decoder, "scan_packets", survey)
    monkeypatch.setattr(decoder, "MARGIN_SECONDS", 0.5)
    window = Sampling(None, fps=8.0, start_s=1.0, count=4)
    same(
        list(VideoFile(str(made(name))).decode_sparse(window)),
        list(VideoFile(str(made(name))).decode_sequential(window)),
    )
    assert len(plans[0].pts) < 70


@pytest.mark.parametrize("name", RELIABLE)
def test_common_files_take_the_sparse_way(made, name):
    assert list(VideoFile(str(made(name))).decode_sparse(Sampling(25)))


def test_the_frames_are_the_ones_with_those_numbers(made):
    from engines.video.pixels import to_rgb

    for name in ("open_pyramid.mp4", "uneven.mp4", "hevc.mp4", "vp9.webm", "h264.ts"):
        video = VideoFile(str(made(name)))
        for index, _, frame in video.decode_sampled(Sampling(7)):
            assert golden.number(to_rgb(frame, video.aspect)) == index


def test_half_way_doubts_continue_with_plain_decoding(made, monkeypatch):
    path = str(made("closed.mp4"))
    whole = list(VideoFile(path).decode_sequential(Sampling(25)))
    sparse = VideoFile.decode_sparse

    def doubtful(self, sampling):
        for count, frame in enumerate(sparse(self, sampling)):
            if count == 2:
                raise NeedsSequential("for the test")
            yield frame

    monkeypatch.setattr(VideoFile, "decode_sparse", doubtful)
    same(list(VideoFile(path).decode_sampled(Sampling(25))), whole)


def test_far_keyframes_are_sought(made, monkeypatch):
    monkeypatch.setattr("engines.video.seeking.SEEK_DISTANCE", 0)
    for name in ("closed.mp4", "open_pyramid.mp4", "h264.mkv", "vp9.webm", "uneven.mp4"):
        check(made(name))


def test_a_leading_frame_needs_the_group_before():
    #            I  P  I  B(leading)  P
    pts = np.array([0, 1, 4, 3, 5])
    key = np.array([True, False, True, False, False])
    plan = PacketPlan(pts, key, np.ones(5, bool), True)
    assert plan_spans(plan, np.array([3])) == [(0, 3)]
    assert plan_spans(plan, np.array([4])) == [(2, 4)]
    assert plan_spans(plan, np.array([1, 4])) == [(0, 4)]
