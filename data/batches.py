"""Splits streams of items into batches, and works on several items at once."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

S = TypeVar("S")
T = TypeVar("T")


def iter_batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of `size` items, the last one shorter; reads no further ahead than one list."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def group_by_weight(items: Iterable[T], size: int, weigh: Callable[[T], int]) -> Iterator[list[T]]:
    """Lists of items that weigh at least `size` together, only the last list less.

    A list ends with the item that fills it, so one item that is heavier than `size` fits too.
    """
    group, weight = [], 0
    for item in items:
        group.append(item)
        weight += weigh(item)
        if weight >= size:
            yield group
            group, weight = [], 0
    if group:
        yield group


def map_in_threads(
    work: Callable[[S], T], items: Iterable[S], at_once: int
) -> Iterator[tuple[S, T]]:
    """Each item with its result, in order; `at_once` threads, for work that waits on a network."""
    # `Executor.map` alone would read all items, and keep all results, before the first is used.
    under_way: deque[tuple[S, Future[T]]] = deque()
    with ThreadPoolExecutor(at_once) as threads:
        try:
            for item in items:
                under_way.append((item, threads.submit(work, item)))
                if len(under_way) == 2 * at_once:  # so that one that takes long holds nobody up
                    yield _take(under_way)
            while under_way:
                yield _take(under_way)
        finally:
            for _, future in under_way:
                future.cancel()


def _take(under_way: "deque[tuple[S, Future[T]]]") -> tuple[S, T]:
    item, future = under_way.popleft()
    return item, future.result()
