import numpy as np
import pytest

from engines.video.frames import DecodeError, Sampling
from engines.video.sampling import compute_steps, filter_frames, find_nearest, select_frames

STEADY = np.arange(50) / 25
VARIABLE = np.cumsum([0.0, 0.04, 0.3, 0.01, 0.01, 0.9, 0.04, 0.5, 0.5, 0.02])


def streamed(seconds, sampling):
    frames = ((k, float(t), None) for k, t in enumerate(seconds))
    return [index for index, _, _ in filter_frames(frames, sampling)]


def test_every_nth_keeps_0_n_2n():
    assert select_frames(STEADY, Sampling(25)).tolist() == [0, 25]
    assert select_frames(STEADY[:1], Sampling(25)).tolist() == [0]


def test_fps_keeps_the_nearest_frame_to_each_step():
    assert select_frames(VARIABLE, Sampling(None, fps=1.0)).tolist() == [0, 5, 7]


def test_a_tie_goes_to_the_earlier_frame_and_no_frame_is_kept_twice():
    assert select_frames(np.array([0.0, 1.0, 3.0]), Sampling(None, fps=0.5)).tolist() == [0, 1]
    assert select_frames(np.array([0.0, 1.0]), Sampling(None, fps=10.0)).tolist() == [0, 1]


@pytest.mark.parametrize("seconds", [STEADY, VARIABLE, STEADY[:1], STEADY * 1001 / 1000])
@pytest.mark.parametrize("fps", [0.1, 1.0, 3.7, 5.0, 12.5, 25.0, 60.0])
def test_choosing_on_the_way_is_choosing_at_once(seconds, fps):
    sampling = Sampling(None, fps)
    assert streamed(seconds, sampling) == select_frames(seconds, sampling).tolist()


def test_more_than_max_frames_is_too_long():
    with pytest.raises(DecodeError) as fault:
        select_frames(STEADY, Sampling(10, max_frames=4))
    assert fault.value.reason == "too_long"
    assert len(select_frames(STEADY, Sampling(10, max_frames=5))) == 5
    with pytest.raises(DecodeError):
        streamed(STEADY, Sampling(10, max_frames=4))


def test_a_timestamp_gone_mad_costs_nothing():
    mad = np.array([0.0, 0.04, 1e12])
    assert select_frames(mad, Sampling(None, fps=30.0)).tolist() == [0, 1, 2]
    assert streamed(mad, Sampling(None, fps=30.0)) == [0, 1, 2]


def window(start, fps, count):
    return Sampling(None, fps, start_s=start, count=count)


def test_a_window_keeps_the_nearest_frame_to_each_of_its_steps():
    assert select_frames(STEADY, window(0.4, 5.0, 3)).tolist() == [10, 15, 20]
    assert select_frames(VARIABLE, window(0.3, 1.0, 3)).tolist() == [2, 6, 8]


def test_a_window_past_the_end_keeps_the_last_frame():
    assert select_frames(STEADY, window(1.9, 10.0, 4)).tolist() == [47, 49]
    assert select_frames(STEADY, window(7.0, 10.0, 4)).tolist() == [49]


def test_a_window_faster_than_the_video_keeps_no_frame_twice_and_names_one_a_step():
    asked = window(0.0, 100.0, 8)
    index = select_frames(STEADY, asked)
    assert index.tolist() == [0, 1, 2]
    assert index[find_nearest(STEADY[index], compute_steps(asked))].tolist() == [
        0,
        0,
        0,
        1,
        1,
        1,
        1,
        2,
    ]


@pytest.mark.parametrize("seconds", [STEADY, VARIABLE, STEADY[:1], STEADY * 1001 / 1000])
@pytest.mark.parametrize("fps", [0.7, 3.7, 8.0, 60.0])
@pytest.mark.parametrize("start", [0.0, 0.33, 1.9, 9.0])
def test_a_window_met_on_the_way_is_the_window_of_all(seconds, fps, start):
    asked = window(start, fps, 6)
    index = select_frames(seconds, asked)
    assert streamed(seconds, asked) == index.tolist()
    brute = [int(np.argmin(np.abs(seconds - step))) for step in compute_steps(asked)]
    found = index[find_nearest(seconds[index], compute_steps(asked))]
    apart = np.abs(seconds[found] - compute_steps(asked)) - np.abs(
        seconds[brute] - compute_steps(asked)
    )
    assert np.abs(apart).max() < 1e-9


def test_a_window_ends_before_the_video_does():
    seen = []

    def frames():
        for k, t in enumerate(STEADY):
            seen.append(k)
            yield k, float(t), None

    assert len(list(filter_frames(frames(), window(0.2, 5.0, 3)))) == 3
    assert seen[-1] <= 17
