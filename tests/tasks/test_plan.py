"""What is listed once is taken up again, and never listed a second time."""

from dataclasses import dataclass

from data.shards.lists import add_shards, list_pending, read_shard
from data.shards.receipts import Receipt, Seconds, write_receipt
from data.store.storage import Store
from tasks.plan import select_missing, update_pending


@dataclass(frozen=True)
class Item:
    id: str
    uri: str = ""


def read_item(payload: dict) -> Item:
    return Item(**payload)


def test_what_waits_and_what_is_answered_is_not_missing(tmp_path) -> None:
    store = Store(str(tmp_path))
    first, second = add_shards(store, "s", [Item("a"), Item("b"), Item("c")], size=2)
    write_receipt(store, "s", Receipt(first, 1, "1", (), Seconds()))
    wanted = [Item(id) for id in "abcd"]
    assert select_missing(store, "s", wanted, {"a"}, read_item) == [Item("b"), Item("d")]
    assert list_pending(store, "s") == [second]


def test_lists_that_wait_are_brought_up_to_date_and_finished_ones_are_left(tmp_path) -> None:
    store = Store(str(tmp_path))
    done, waits = add_shards(store, "s", [Item("a"), Item("b")], size=1)
    write_receipt(store, "s", Receipt(done, 1, "1", (), Seconds()))
    update_pending(store, "s", read_item, lambda items: [Item(each.id, "moved") for each in items])
    assert read_shard(store, "s", done, read_item).items == (Item("a"),)
    assert read_shard(store, "s", waits, read_item).items == (Item("b", "moved"),)
