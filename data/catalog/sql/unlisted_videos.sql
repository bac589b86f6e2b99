-- One video for each content that no shard of the stage lists and that may be shown: what is left
-- to plan. It is the first that has a location.
SELECT id, uri, content, duration, bytes, stamp
FROM shown
WHERE corpus = $corpus AND content NOT IN (
    SELECT content FROM shards
    WHERE corpus = $corpus AND stage = $stage AND fingerprint = $fingerprint
)
QUALIFY row_number() OVER (PARTITION BY content ORDER BY uri IS NULL, run, line) = 1
ORDER BY run, line;
