"""The tables of the dedup stage: pairs of near-duplicates, a file a shard, and groups of them."""

import pyarrow as pa

PAIRS = pa.schema(
    {
        "one": pa.string(),  # contents, the lower one first
        "other": pa.string(),
        "similarity": pa.float32(),  # cosine of their pooled vectors
        "score": pa.float32(),  # mean cosine of their frames, aligned in time
        "speed": pa.float32(),  # of the other one's time to the first one's
        "one_from": pa.float32(),  # the spans that were compared, in seconds
        "one_to": pa.float32(),
        "other_from": pa.float32(),
        "other_to": pa.float32(),
        "pictures": pa.float32(),  # how alike their pictures are; null: not compared
    }
)

GROUPS = pa.schema({"content": pa.string(), "anchor": pa.string()})
