-- A fixed sample of captions, to measure recall with: by a hash, so that it is always the same.
SELECT caption FROM shown
WHERE corpus = $corpus AND caption IS NOT NULL
ORDER BY md5(id) LIMIT $sample;
