import numpy as np

from engines.generate.lru import Cache


def cache(limit=100):
    return Cache[np.ndarray](limit, lambda value: value.nbytes)


def fill(size=10):
    return lambda missing: {key: np.zeros(size, np.uint8) for key in missing}


def test_what_is_there_is_not_made_again():
    asked: list[set[str]] = []

    def make(missing):
        asked.append(set(missing))
        return fill()(missing)

    held = cache()
    first = held.get_all({"a": 1, "b": 2}, make)
    again = held.get_all({"b": 2, "c": 3}, make)
    assert asked == [{"a", "b"}, {"c"}]
    assert again["b"] is first["b"] and set(again) == {"b", "c"}
    assert (held.misses, held.hits) == (3, 1)


def test_beyond_its_bytes_the_longest_unused_go():
    held = cache(35)
    held.get_all(dict.fromkeys("abc"), fill())
    held.get_all({"a": None}, fill())
    held.get_all({"d": None}, fill())
    before = held.misses
    held.get_all(dict.fromkeys("acd"), fill())
    assert held.misses == before
    held.get_all({"b": None}, fill())
    assert held.misses == before + 1
    assert held.total_bytes <= 35


def test_what_is_larger_than_the_bound_is_given_but_not_held():
    held = cache(5)
    assert held.get_all({"a": None}, fill())["a"].nbytes == 10
    assert held.total_bytes == 0
