import json
from dataclasses import replace
from pathlib import Path

from data.records import Prompt
from data.runs.generations import Run, read_run, record_run
from data.specs.pipeline import GenerateSpec
from data.store import layout
from data.store.storage import Store

RUN = Run("c", GenerateSpec(), "1", {"model": "ab"}, ("0123", "v0001"), "4567", (Prompt("0", "a"),))


def test_a_run_is_read_as_it_was_recorded(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    record_run(store, RUN)
    assert replace(read_run(store, RUN.fingerprint), run=None) == RUN


def test_a_run_keeps_its_name_when_specs_grow(tmp_path: Path) -> None:
    """A field that the run's spec did not have yet is filled in with its default."""
    store = Store(str(tmp_path))
    record_run(store, RUN)
    name = layout.spec_file(RUN.folder)
    said = json.loads(store.read(name))
    del said["spec"]["vae_tiling"]
    store.write(
        layout.spec_file(layout.generation_folder("0123456789ab")),
        json.dumps(said | {"run": "0123456789ab"}).encode(),
    )
    old = read_run(store, "0123456789ab")
    assert old.spec == RUN.spec and old.folder == layout.generation_folder("0123456789ab")


def test_a_run_is_named_by_all_that_changes_its_videos() -> None:
    changes = [
        {"corpus": "d"},
        {"spec": GenerateSpec(steps=2)},
        {"version": "2"},
        {"digests": {"model": "cd"}},
        {"index": ("0123", "v0002")},
        {"embed": "8901"},
        {"prompts": (Prompt("0", "b"),)},
        {"prompts": (Prompt("0", "a", where="fps > 1"),)},
        {"images": {"0": "ef"}},
    ]
    others = [replace(RUN, **change) for change in changes]
    names = {run.fingerprint for run in [RUN, *others]}
    assert len(names) == 1 + len(others)
    assert replace(RUN).fingerprint == RUN.fingerprint
