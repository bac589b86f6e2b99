"""A short run of the soak script: the same strikes for everybody, by its seed."""

import itertools

import pytest
from soak import Chaos, Pace
from support import buckets
from support.soak_grounds import Kind

SETTINGS = {
    "RUNNER": "in_process", "WORKERS": 1, "SHARD_SIZE": 6, "DECODERS": 1, "DECODE_DEADLINE_S": 300,
}  # fmt: skip
pytestmark = [pytest.mark.commands, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def chaos(tmp_path_factory: pytest.TempPathFactory) -> Chaos:
    return Chaos(tmp_path_factory.mktemp("chaos"), 120, 5, SETTINGS)


def test_a_corpus_that_is_struck_at_random_ends_as_one_that_was_not(chaos: Chaos) -> None:
    rounds = itertools.count()
    while chaos.survived.total() < 4:  # a run may outrun the strikes on a busy machine
        chaos.round(f"disk-{next(rounds)}", Kind(SETTINGS), Pace(files=15, strikes=6))


def test_so_does_one_in_object_storage(chaos: Chaos, bucket: buckets.Bucket) -> None:
    rounds = itertools.count()
    while not chaos.survived["s3"]:
        kind, pace = Kind(SETTINGS, bucket), Pace(files=20, strikes=4)
        chaos.round(f"bucket-{next(rounds)}", kind, pace)
