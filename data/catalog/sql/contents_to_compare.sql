-- The contents of a version of an index that no shard of the dedup stage lists and that may be
-- shown: what is left to compare.
SELECT DISTINCT content FROM members
WHERE corpus = $corpus AND fingerprint = $index AND version = $version
  AND content IN (SELECT content FROM shown WHERE corpus = $corpus)
  AND content NOT IN (
      SELECT content FROM shards
      WHERE corpus = $corpus AND stage = 'dedup' AND fingerprint = $fingerprint
  )
ORDER BY content;
