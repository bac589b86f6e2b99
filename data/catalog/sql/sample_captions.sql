-- A fixed sample of captions, to measure recall with: by a hash, so that it is always the same.
SELECT caption FROM videos
WHERE corpus = $corpus AND reason IS NULL AND caption IS NOT NULL
ORDER BY md5(id) LIMIT $sample;
