-- Pooled contents with several outcomes, and the shard of the latest; null where that is a failure.
SELECT content, CASE WHEN reason IS NULL THEN shard END AS shard FROM latest
WHERE corpus = $corpus AND stage = 'pool' AND fingerprint = $pool AND content IN (
    SELECT content FROM outcomes
    WHERE corpus = $corpus AND stage = 'pool' AND fingerprint = $pool
    GROUP BY content HAVING count(*) > 1
);
