"""What the comparison with peers rests on: the floor, the comparing, the table, the skipping."""

import json
import runpy
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from bench import films, footage
from bench.peers import corpus, environments
from bench.peers.contest import HERE, Run, describe_end
from bench.peers.table import HEAD, Row, format_table
from bench.peers.vectors import compare_vectors, count_whole, read_vectors
from bench.peers.work import Request
from bench.watched import Watched

from data.specs.models import SHAPES
from engines import tiny


def test_clips_get_one_rate_and_keep_their_frames(tmp_path: Path) -> None:
    import av

    films.write_shape_films(tmp_path / "sources", films=1, scenes=2, seed=0)
    [source] = (tmp_path / "sources").glob("*.mp4")
    footage.remux(source, tmp_path / "a.mp4", "a", corpus.FPS)
    with av.open(str(source)) as old, av.open(str(tmp_path / "a.mp4")) as new:
        assert new.streams.video[0].average_rate == corpus.FPS
        frames = [frame.to_ndarray() for frame in old.decode(video=0)]
        again = list(new.decode(video=0))
    np.testing.assert_array_equal(frames, [frame.to_ndarray() for frame in again])
    assert [frame.time for frame in again] == pytest.approx(
        [number / corpus.FPS for number in range(len(frames))]
    )


def test_another_order_of_frames_is_found_out() -> None:
    rng = np.random.default_rng(0)
    near = np.ones(16) * 50  # as random weights make them: all vectors nearly parallel
    wanted = {id: (near + rng.normal(size=(5, 16))).astype(np.float32) for id in "ab"}
    assert compare_vectors({id: 3 * each for id, each in wanted.items()}, wanted) > 0.999
    assert compare_vectors({id: each[::-1] for id, each in wanted.items()}, wanted) < 0.9
    short = {"a": wanted["a"], "b": wanted["b"][:3]}
    assert count_whole(short, wanted) == 1
    assert np.isnan(compare_vectors({}, wanted))


def test_table_names_what_fell_short_and_what_was_skipped() -> None:
    kept = "0 of 8 clips; ended"
    figures = {"whole": 12.34, "warm": 20.0, "memory": 1234.5, "cosine": 0.99991}
    rows = [Row("one", "fp32", **figures, broken=kept), Row("two", "bf16", skipped="no | wheel")]
    lines = format_table(392, rows).splitlines()
    assert lines[0].startswith("392 frames")
    assert "| 12.3 | 20.0 | 1,234 | 0.9999 | 0 of 8 clips; ended |" in lines[4]
    assert "skipped: no \\| wheel" in lines[5]
    assert lines[5].replace("\\|", "").count("|") == len(HEAD) + 1


def test_a_peer_that_cannot_be_installed_is_skipped_with_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    complains = tmp_path / "uv"
    complains.write_text("#!/bin/sh\necho '  × No solution found' >&2\nexit 1\n")
    complains.chmod(0o755)
    monkeypatch.setattr(environments, "find_uv", lambda: str(complains))
    with pytest.raises(environments.Skipped, match="No solution found"):
        environments.make_environment(tmp_path / "peers", "nobody", ("nobody==0",))


@pytest.mark.parametrize(
    ("ran", "failed", "said"),
    [
        (Watched(status=0), {"broken": "undecodable"}, "file failed as undecodable"),
        (Watched(status=0, out="Error: broken.mp4"), {}, "named in the output only"),
        (Watched(status=1, err="av.error.InvalidDataError: x"), {}, "ended with InvalidDataError"),
        (Watched(), {}, "hung"),
    ],
)
def test_end_of_a_run_with_a_broken_file(ran: Watched, failed: dict[str, str], said: str) -> None:
    assert said in describe_end(Run(ran, {}, failed=failed), "broken")


def test_plain_loop_embeds_every_nth_frame_whatever_the_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import open_clip

    bundled = Path(tiny.__file__).parent / SHAPES
    open_clip.add_model_config(bundled.with_suffix(".json"))
    films.write_shape_films(tmp_path / "clips", films=2, scenes=2, seed=0)
    clips = sorted(map(str, (tmp_path / "clips").glob("*.mp4")))
    monkeypatch.syspath_prepend(str(HERE))
    found = {}
    for batch, swapped in ((3, False), (64, False), (64, True)):
        out = tmp_path / f"{batch}-{swapped}"
        request = Request(clips, 25, 7, SHAPES, str(bundled.with_suffix(".safetensors")), "fp32",
                          1, batch, str(out), swapped)  # fmt: skip
        asked = tmp_path / "request.json"
        asked.write_text(json.dumps(asdict(request)))
        monkeypatch.setattr(sys, "argv", ["run_loop.py", str(asked)])
        runpy.run_path(str(HERE / "run_loop.py"), run_name="__main__")
        found[batch, swapped] = read_vectors(out)
        assert float((out / "ended").read_text()) >= float((out / "loaded").read_text())
    once = found[64, False]
    assert sorted(once) == ["film-000", "film-001"]
    assert {len(each) for each in once.values()} == {_count_sampled(clips[0], 7)}
    assert compare_vectors(found[3, False], once) > 0.9999
    assert compare_vectors(found[64, True], once) < 0.999


def _count_sampled(clip: str, every: int) -> int:
    import av

    with av.open(clip) as file:
        return len(range(0, sum(1 for _ in file.decode(video=0)), every))
