-- The contents of a version of an index that may be shown, and that no shard of the dedup stage
-- lists, or whose frames could not be read when they were `tried`: what is left to compare.
WITH listed AS (
    SELECT content, max(shard) AS shard FROM shards
    WHERE corpus = $corpus AND stage = 'dedup' AND fingerprint = $fingerprint
    GROUP BY content
), failed AS (
    SELECT content, shard FROM latest
    WHERE corpus = $corpus AND stage = 'dedup' AND fingerprint = $fingerprint
      AND list_contains($transient, reason)
)
SELECT DISTINCT m.content, l.content IS NOT NULL AS tried
FROM members m LEFT JOIN listed l USING (content)
WHERE corpus = $corpus AND fingerprint = $index AND version = $version
  AND m.content IN (SELECT content FROM shown WHERE corpus = $corpus)
  AND (l.content IS NULL OR (l.content, l.shard) IN (SELECT (content, shard) FROM failed));
