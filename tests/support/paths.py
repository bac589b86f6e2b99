"""Where the repository, its documents and the real clips lie."""

import os
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
TESTS = REPOSITORY / "tests"

# Real footage is beside the project, never in it; tests that want it skip where it is not.
REAL_CLIPS = Path(
    os.environ.get("REELFLOW_TEST_CLIPS", REPOSITORY.parent / "shared" / "clips")
).absolute()
CASES = REAL_CLIPS.parent / "cases"  # small files that embedding once got wrong
NO_CASES = f"no odd files in {CASES}: name the folder beside it by REELFLOW_TEST_CLIPS"
NO_CLIPS = f"no real clips in {REAL_CLIPS}: name their folder by REELFLOW_TEST_CLIPS"
