"""What the bundled text-to-video pipeline shows, judged as its script does."""

import numpy as np
import pytest

from engines.bundled import TEXT_TO_VIDEO
from engines.tiny.t2v import evaluate, training_set
from engines.tiny.trial import load_pipeline, write_sheet


def test_true_clips_are_right_and_those_of_others_are_not() -> None:
    rng = np.random.default_rng(0)
    scenes = [training_set.draw_training_scene(rng) for _ in range(12)]
    clips = [training_set.draw_clip(rng, scene) for scene in scenes]
    rows = [{k: getattr(s, k) for k in ("shape", "colour", "motion")} for s in scenes]
    found = evaluate.judge_clips(rows, clips)
    assert found["videos"] == 12 and found["appearance"] == 1.0 and found["motion"] > 0.8
    other = evaluate.judge_clips(rows, [*clips[1:], clips[0]])
    assert other["appearance"] < 0.3 and len(other["wrong"]) >= 8


@pytest.mark.slow
def test_a_prompt_s_clip_does_not_hang_on_how_many_there_are(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(evaluate, "BATCH", 1)
    pipe = load_pipeline(TEXT_TO_VIDEO)
    one, two = evaluate.generate_clips(pipe, ["a red ball", "a blue ring"], 1, 3.0)
    assert one.shape == (8, 64, 64, 3) and not np.array_equal(one, two)
    assert np.array_equal(evaluate.generate_clips(pipe, ["a red ball"], 1, 3.0)[0], one)
    write_sheet([one, two], tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").stat().st_size > 1000
