"""The table of a refinement: a row for each video after each number of passes."""

import pyarrow as pa

# A video after a number of passes: where it is, and what the last pass did to it (`Drift`).
REFINED = pa.schema(
    {
        "id": pa.string(),
        "target": pa.string(),
        "clip": pa.string(),
        "number": pa.int32(),
        "prompt": pa.string(),
        "content": pa.string(),  # of the video that it was made from
        "reason": pa.string(),
        "detail": pa.string(),
        "file": pa.string(),
        "sha256": pa.string(),
        "view": pa.string(),
        "view_sha256": pa.string(),
        "frames": pa.int32(),
        "fps": pa.float64(),
        "width": pa.int32(),
        "height": pa.int32(),
        "stopped": pa.int32(),  # the pass after which it was left as it is
        "seconds": pa.float64(),
        **dict.fromkeys(
            ("psnr_start", "ssim_start", "psnr_previous", "ssim_previous", "flicker", "laplacian",
             "laplacian_ratio", "colour_shift", "contrast_shift", "change"),
            pa.float64(),
        ),
    }
)  # fmt: skip
