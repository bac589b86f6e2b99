-- The shard with the newest result of a stage for each content that has one.
SELECT content, shard FROM latest
WHERE corpus = $corpus AND stage = $stage AND fingerprint = $fingerprint AND reason IS NULL;
