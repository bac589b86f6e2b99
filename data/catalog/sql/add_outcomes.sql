-- The outcome of each video in receipts; `incoming` has their JSON. Receipts of 0.1.0 list the done
-- and the failed videos apart.
INSERT INTO outcomes BY NAME
SELECT $corpus AS corpus, $stage AS stage, $fingerprint AS fingerprint, shard, attempt,
       made.id, made.content, coalesce(made.frames, 0) AS frames, made.reason, made.detail, made.decoder
FROM (
    SELECT shard, attempt, unnest(coalesce("rows", list_concat(done, failed))) AS made
    FROM (SELECT unnest(from_json(text, '{
        "shard": "VARCHAR", "attempt": "INTEGER",
        "rows": [{"id": "VARCHAR", "content": "VARCHAR", "frames": "BIGINT", "reason": "VARCHAR", "detail": "VARCHAR", "decoder": "VARCHAR"}],
        "done": [{"id": "VARCHAR", "content": "VARCHAR", "frames": "BIGINT", "reason": "VARCHAR", "detail": "VARCHAR", "decoder": "VARCHAR"}],
        "failed": [{"id": "VARCHAR", "content": "VARCHAR", "frames": "BIGINT", "reason": "VARCHAR", "detail": "VARCHAR", "decoder": "VARCHAR"}]
    }')) FROM incoming)
);
