-- What receipts sum up; `incoming` has their text.
INSERT INTO receipts BY NAME
SELECT $corpus AS corpus, $stage AS stage, $fingerprint AS fingerprint, shard, attempt,
       version, host, finished, workers, decoders, len(done) AS done, len(failed) AS failed,
       coalesce(list_sum(list_transform(done, lambda made: made.frames)), 0) AS frames,
       unnest(seconds)
FROM (SELECT unnest(from_json(text, '{
    "shard": "VARCHAR", "attempt": "INTEGER", "version": "VARCHAR", "host": "VARCHAR",
    "finished": "VARCHAR", "workers": "INTEGER", "decoders": "INTEGER",
    "done": [{"frames": "BIGINT"}], "failed": [{"id": "VARCHAR"}],
    "seconds": {"wall": "DOUBLE", "read": "DOUBLE", "decode": "DOUBLE", "model": "DOUBLE", "write": "DOUBLE"}
}')) FROM incoming);
