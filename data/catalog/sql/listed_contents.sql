-- The contents that the shards of a stage list.
SELECT DISTINCT content FROM shards
WHERE corpus = $listed_corpus AND stage = $stage AND fingerprint = $fingerprint;
