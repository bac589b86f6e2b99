"""A signature is put back for the worker, and nowhere else."""

import json
from pathlib import Path

from data.outcome import Failed
from data.records import Request, Source, Video
from tasks.prompts import read_prompts
from tasks.signed_links import remember_link, restore_link, restore_links

SIGNED = "https://h/a.mp4?part=1&X-Amz-Signature=planted"


def test_a_link_is_restored_for_its_own_row_alone() -> None:
    plain = remember_link("a", SIGNED)
    assert plain == "https://h/a.mp4?part=1"
    assert restore_link("a", plain) == SIGNED
    assert restore_link("b", plain) == plain
    assert remember_link("c", plain) == plain and restore_link("c", plain) == plain


def test_videos_clips_and_first_frames_are_given_to_workers_as_their_source_has_them(
    tmp_path: Path,
) -> None:
    plain = remember_link("v", SIGNED)
    assert restore_links(Video("v", plain, "sha256:1")).uri == SIGNED
    table = tmp_path / "prompts.jsonl"
    table.write_text(json.dumps({"videoID": "p", "txt": "a cat", "image": f"{SIGNED}.png"}))
    prompt = read_prompts(str(table))[0]
    assert "planted" not in f"{prompt}{prompt.columns}"
    clip = Source(1, "v", "sha256:1", 0.5, plain)
    request = Request("p-0", prompt.id, prompt.text, 0, 1, (clip,), prompt.image)
    restored = restore_links(request)
    assert restored.sources[0].uri == SIGNED
    assert "planted" in str(restored.image)


def test_a_failure_quotes_no_signature() -> None:
    assert "planted" not in Failed("a", "unreachable", f"no picture in {SIGNED}").detail
