"""Runs clip-video-encode 1.3 as it is: `python baseline.py SOURCE WEIGHTS DEST MODEL WORKERS`."""

import json
import sys
import time
from pathlib import Path

begun = time.perf_counter()

import open_clip  # noqa: E402
from clip_video_encode import clip_video_encode as package  # noqa: E402


def main() -> None:
    source, weights, dest, model, workers = sys.argv[1:]
    loaded: list[float] = []
    create = open_clip.create_model_and_transforms

    def timed(*args: object, **kwargs: object) -> object:
        made = create(*args, **kwargs)
        loaded.append(time.perf_counter())
        return made

    open_clip.create_model_and_transforms = timed
    Path(dest).mkdir(parents=True)
    encode = package if callable(package) else package.clip_video_encode
    encode(
        source, dest, take_every_nth=25, frame_workers=int(workers), frame_memory_size=1,
        metadata_columns=["txt", "videoLoc", "videoID"], oc_model_name=model, pretrained=weights,
    )  # fmt: skip
    ended = time.perf_counter()
    print("\n" + json.dumps({"seconds": ended - begun, "warm_s": ended - loaded[0]}))


if __name__ == "__main__":
    main()
