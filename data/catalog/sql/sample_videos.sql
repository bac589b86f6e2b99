-- A random sample of a corpus's good videos, the same for the same seed.
SELECT id, uri, content FROM videos
WHERE corpus = $corpus AND reason IS NULL
ORDER BY hash(content || $seed) LIMIT $count;
