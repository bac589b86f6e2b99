-- What a stage has not taken up: one video per content that no shard of this fingerprint lists.
SELECT arg_min(id, (run, line)) AS id, arg_min(uri, (run, line)) AS uri, content,
       any_value(duration) AS duration
FROM videos
WHERE corpus = $corpus AND reason IS NULL AND content NOT IN (
    SELECT content FROM shards
    WHERE corpus = $corpus AND stage = $stage AND fingerprint = $fingerprint
)
GROUP BY content
ORDER BY min((run, line));
