import pytest

from engines.index.growth import needs_retraining


@pytest.mark.parametrize(
    ("built", "new", "key", "now", "recall", "needed"),
    [
        (2000, 2100, "HNSW15", "HNSW15", 1.0, False),
        (9000, 11_000, "HNSW15", "HNSW32", 1.0, True),
        (900, 1100, "Flat", "HNSW15", 1.0, True),
        (100, 9_000, "Flat", None, 1.0, False),
        (20_000, 90_000, "HNSW32", "HNSW32", 1.0, False),
        (50_000, 100_000, "IVF1024,Flat", None, 1.0, False),
        (50_000, 100_001, "IVF1024,Flat", None, 1.0, True),
        (50_000, 50_001, "IVF1024,Flat", "IVF1024,Flat", 0.949, True),
        (50_000, 50_001, "IVF1024,Flat", "IVF1024,Flat", 0.95, False),
    ],
)
def test_an_index_is_built_anew_when_it_should_be(
    built: int, new: int, key: str, now: str | None, recall: float, needed: bool
) -> None:
    assert needs_retraining(built, new, key, now=now, recall=recall) is needed
