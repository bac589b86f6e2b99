-- A fixed sample of captions, to measure recall with.
SELECT caption FROM videos
WHERE corpus = $corpus AND reason IS NULL AND caption IS NOT NULL
ORDER BY md5(id) LIMIT $sample;
