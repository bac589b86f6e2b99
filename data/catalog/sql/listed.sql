-- The contents that some shard of a stage lists.
SELECT DISTINCT content FROM shards
WHERE corpus = $of AND stage = $stage AND fingerprint = $print;
