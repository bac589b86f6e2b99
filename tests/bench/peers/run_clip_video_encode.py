"""clip-video-encode as it is; it computes in fp32 and reads every nth frame by OpenCV."""

from typing import Any

import open_clip
import pyarrow as pa
import pyarrow.parquet as pq
from clip_video_encode import clip_video_encode as package
from work import mark_ended, mark_loaded, read_request


def main() -> None:
    request = read_request()
    create = open_clip.create_model_and_transforms

    def note(*args: Any, **kwargs: Any) -> Any:
        made = create(*args, **kwargs)
        mark_loaded(request)
        return made

    open_clip.create_model_and_transforms = note
    ids = [clip.rsplit("/", 1)[-1].removesuffix(".mp4") for clip in request.clips]
    source = f"{request.vectors}.parquet"
    pq.write_table(pa.table({"videoLoc": request.clips, "videoID": ids}), source)
    encode = package if callable(package) else package.clip_video_encode
    encode(
        source, request.vectors, take_every_nth=request.every, frame_workers=request.cores,
        frame_memory_size=1, metadata_columns=["videoLoc", "videoID"],
        oc_model_name=request.model, pretrained=request.weights,
    )  # fmt: skip
    mark_ended(request)


if __name__ == "__main__":
    main()
