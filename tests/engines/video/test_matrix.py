"""No frame has another's picture or time: containers × codecs × B-frames × times × samplings.

A core is tried always; all of it where REELFLOW_TEST_MATRIX is set (2 min).
"""

import os
import shutil

import pytest
from support import matrix, matrix_checks

ALL = bool(os.environ.get("REELFLOW_TEST_MATRIX"))
CASES = [case for case in matrix.list_cases() if ALL or case.is_core]
# Of raw MPEG-1, ffmpeg counts frames that are not there: the numbers in the pictures say so.
PLAIN = [case for case in CASES if case.fault == "plain" and case.container != "m1v"]


@pytest.fixture
def build(tmp_path):
    from av.codec.codec import UnknownCodecError

    def build(case):
        try:
            return matrix.build(case, tmp_path)
        except UnknownCodecError as error:
            pytest.skip(f"no encoder here: {error}")

    return build


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_frames_have_their_own_pictures_and_times(case, build, record_property):
    record_property("samplings", matrix_checks.check(case, build(case)))


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="no ffmpeg to compare times with")
@pytest.mark.parametrize("case", PLAIN, ids=lambda case: case.id)
def test_times_are_those_of_ffmpeg(case, build):
    if not matrix_checks.check_beside_ffmpeg(build(case)):
        pytest.skip("this ffmpeg does not read the file")


def test_the_matrix_is_as_large_as_it_is_said_to_be():
    assert len(list(matrix.list_cases())) > 300
    assert {case.fault for case in matrix.list_cases()} == set(matrix.FAULTS)
