"""Ray Data: `read_videos`, and open_clip in an actor."""

from pathlib import Path

import numpy as np
import ray
from PIL import Image
from work import Encoder, Request, mark_ended, read_request


class Actor:
    """Vectors of a batch of frames."""

    def __init__(self, request: Request) -> None:
        self.encoder = Encoder(request)

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        vectors = self.encoder.embed([Image.fromarray(frame) for frame in batch["frame"]])
        ids = [Path(path).stem for path in batch["path"]]
        return {"video_id": np.array(ids), "frame": batch["frame_index"], "vector": vectors}


def main() -> None:
    request = read_request()
    ray.init("local", num_cpus=request.cores, include_dashboard=False)
    # Its sampling is by rate only; at these clips' one rate it is every nth frame.
    frames = ray.data.read_videos(
        request.clips, include_paths=True, fps=request.fps // request.every
    )
    vectors = frames.map_batches(
        Actor, fn_constructor_args=[request], batch_size=request.batch, concurrency=1, num_cpus=1
    )
    vectors.write_parquet(request.vectors)
    mark_ended(request)


if __name__ == "__main__":
    main()
