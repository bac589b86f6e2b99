-- A random sample of the videos of a corpus that may be shown, the same for the same seed.
SELECT id, uri, content FROM shown
WHERE corpus = $corpus AND uri IS NOT NULL
ORDER BY hash(content || $seed) LIMIT $count;
