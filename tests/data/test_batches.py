import threading

from data.batches import group_by_weight, map_in_threads


def test_a_heap_ends_with_what_fills_it() -> None:
    assert list(group_by_weight([1, 2, 3, 9, 1], 3, lambda item: item)) == [[1, 2], [3], [9], [1]]
    assert list(group_by_weight([], 3, lambda item: item)) == []


def test_what_is_worked_side_by_side_comes_in_order_and_no_further_than_asked() -> None:
    begun: list[int] = []

    def work(item: int) -> int:
        begun.append(item)
        return 10 * item

    found = map_in_threads(work, iter(range(100)), 4)
    assert [next(found) for _ in range(3)] == [(0, 0), (1, 10), (2, 20)]
    assert set(begun) <= set(range(4 + 2 * 4))
    assert list(found) == [(item, 10 * item) for item in range(3, 100)]


def test_one_that_takes_long_does_not_hold_up_the_others() -> None:
    gate, done = threading.Event(), threading.Semaphore(0)

    def work(item: int) -> int:
        if item == 0:
            gate.wait(20)
        done.release()
        return item

    found = map_in_threads(work, range(9), 2)
    taker = threading.Thread(target=lambda: list(found))
    taker.start()
    assert all(done.acquire(timeout=20) for _ in range(3))  # more than were begun with it
    gate.set()
    taker.join(20)


def test_who_leaves_early_begins_no_more_work() -> None:
    begun: list[int] = []
    found = map_in_threads(begun.append, range(100), 1)
    next(found)
    found.close()
    count = len(begun)
    assert count <= 3 and len(begun) == count
