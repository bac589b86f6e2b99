-- One video for each content that no shard of the stage lists: what is left to plan.
SELECT arg_min(id, (run, line)) AS id, arg_min(uri, (run, line)) AS uri, content,
       any_value(duration) AS duration
FROM videos
WHERE corpus = $corpus AND reason IS NULL AND content NOT IN (
    SELECT content FROM shards
    WHERE corpus = $corpus AND stage = $stage AND fingerprint = $fingerprint
)
GROUP BY content
ORDER BY min((run, line));
