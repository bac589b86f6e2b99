-- A sample of contents that are pooled under both fingerprints, with a caption if there is one.
SELECT content, any_value(caption) AS caption
FROM videos
WHERE corpus = $corpus AND reason IS NULL AND content IN (
    SELECT content FROM latest
    WHERE corpus = $corpus AND stage = 'pool' AND fingerprint = $one AND reason IS NULL
    INTERSECT
    SELECT content FROM latest
    WHERE corpus = $corpus AND stage = 'pool' AND fingerprint = $other AND reason IS NULL
)
GROUP BY content
ORDER BY hash(content) LIMIT $count;
