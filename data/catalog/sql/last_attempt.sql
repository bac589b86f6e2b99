SELECT coalesce(max(attempt), 0) FROM shards
WHERE corpus = $corpus AND stage = $stage AND fingerprint = $fingerprint;
