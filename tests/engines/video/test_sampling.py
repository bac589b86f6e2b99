import numpy as np
import pytest

from engines.video.frames import DecodeError, Sampling
from engines.video.sampling import keep, kept

STEADY = np.arange(50) / 25
VARIABLE = np.cumsum([0.0, 0.04, 0.3, 0.01, 0.01, 0.9, 0.04, 0.5, 0.5, 0.02])


def streamed(seconds, sampling):
    frames = ((k, float(t), None) for k, t in enumerate(seconds))
    return [index for index, _, _ in keep(frames, sampling)]


def test_every_nth_keeps_0_n_2n():
    assert kept(STEADY, Sampling(25)).tolist() == [0, 25]
    assert kept(STEADY[:1], Sampling(25)).tolist() == [0]


def test_fps_keeps_the_nearest_frame_to_each_step():
    assert kept(VARIABLE, Sampling(None, fps=1.0)).tolist() == [0, 5, 7]


def test_a_tie_goes_to_the_earlier_frame_and_no_frame_is_kept_twice():
    assert kept(np.array([0.0, 1.0, 3.0]), Sampling(None, fps=0.5)).tolist() == [0, 1]
    assert kept(np.array([0.0, 1.0]), Sampling(None, fps=10.0)).tolist() == [0, 1]


@pytest.mark.parametrize("seconds", [STEADY, VARIABLE, STEADY[:1], STEADY * 1001 / 1000])
@pytest.mark.parametrize("fps", [0.1, 1.0, 3.7, 5.0, 12.5, 25.0, 60.0])
def test_choosing_on_the_way_is_choosing_at_once(seconds, fps):
    sampling = Sampling(None, fps)
    assert streamed(seconds, sampling) == kept(seconds, sampling).tolist()


def test_more_than_max_frames_is_too_long():
    with pytest.raises(DecodeError) as fault:
        kept(STEADY, Sampling(10, max_frames=4))
    assert fault.value.reason == "too_long"
    assert len(kept(STEADY, Sampling(10, max_frames=5))) == 5
    with pytest.raises(DecodeError):
        streamed(STEADY, Sampling(10, max_frames=4))


def test_a_timestamp_gone_mad_costs_nothing():
    mad = np.array([0.0, 0.04, 1e12])
    assert kept(mad, Sampling(None, fps=30.0)).tolist() == [0, 1, 2]
    assert streamed(mad, Sampling(None, fps=30.0)) == [0, 1, 2]
