-- The totals of receipts; `incoming` has their JSON. Receipts of 0.1.0 list the done and the failed
-- videos apart.
INSERT INTO receipts BY NAME
SELECT $corpus AS corpus, $stage AS stage, $fingerprint AS fingerprint, shard, attempt,
       version, host, finished, workers, decoders,
       len(list_filter(made, lambda row: row.reason IS NULL)) AS done,
       len(list_filter(made, lambda row: row.reason IS NOT NULL)) AS failed,
       coalesce(list_sum(list_transform(made, lambda row: row.frames)), 0) AS frames,
       unnest(seconds)
FROM (
    SELECT * EXCLUDE ("rows", done, failed), coalesce("rows", list_concat(done, failed)) AS made
    FROM (SELECT unnest(from_json(text, '{
        "shard": "VARCHAR", "attempt": "INTEGER", "version": "VARCHAR", "host": "VARCHAR",
        "finished": "VARCHAR", "workers": "INTEGER", "decoders": "INTEGER",
        "rows": [{"frames": "BIGINT", "reason": "VARCHAR"}],
        "done": [{"frames": "BIGINT", "reason": "VARCHAR"}], "failed": [{"frames": "BIGINT", "reason": "VARCHAR"}],
        "seconds": {"wall": "DOUBLE", "read": "DOUBLE", "decode": "DOUBLE", "model": "DOUBLE", "write": "DOUBLE"}
    }')) FROM incoming)
);
