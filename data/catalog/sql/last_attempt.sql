-- The highest attempt of any shard of a stage; 0 without shards.
SELECT coalesce(max(attempt), 0) FROM shards
WHERE corpus = $corpus AND stage = $stage AND fingerprint = $fingerprint;
