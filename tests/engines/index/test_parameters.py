import pytest

from engines.index.parameters import build_ladder, format_parameters, is_lossy, is_trained


@pytest.mark.parametrize(
    ("key", "learns", "rounds"),
    [
        ("Flat", False, False),
        ("HNSW32", False, False),
        ("IVF64,Flat", True, False),
        ("OPQ8_64,IVF1024_HNSW32,PQ8x8", True, True),
    ],
)
def test_a_key_says_whether_it_learns_and_whether_it_rounds(
    key: str, learns: bool, rounds: bool
) -> None:
    assert (is_trained(key), is_lossy(key)) == (learns, rounds)


def test_ladders_widen_to_everything() -> None:
    assert build_ladder("Flat") == [{}]
    assert [step["nprobe"] for step in build_ladder("IVF6,Flat")] == [1, 2, 4, 6]
    assert [step["efSearch"] for step in build_ladder("HNSW15")][:2] == [16, 32]
    assert (
        format_parameters(build_ladder("OPQ8_64,IVF4_HNSW32,PQ8x8")[-1])
        == "nprobe=4,quantizer_efSearch=8"
    )
