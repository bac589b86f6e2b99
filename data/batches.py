"""Runs of items."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

S = TypeVar("S")
T = TypeVar("T")


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of `size` items, the last one shorter; reads no further ahead than one list."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def heaped(items: Iterable[T], size: int, weigh: Callable[[T], int]) -> Iterator[list[T]]:
    """Lists of items that together weigh `size` or, by the last one, more; the last list less."""
    heap, weight = [], 0
    for item in items:
        heap.append(item)
        weight += weigh(item)
        if weight >= size:
            yield heap
            heap, weight = [], 0
    if heap:
        yield heap


def side_by_side(work: Callable[[S], T], items: Iterable[S], at_once: int) -> Iterator[tuple[S, T]]:
    """Each item with what comes of it, in order; `at_once` in threads, for what waits on others."""
    with ThreadPoolExecutor(at_once) as threads:
        for some in batched(items, at_once):
            yield from zip(some, threads.map(work, some), strict=True)
