-- The contents of the good videos with these ids.
SELECT id, content FROM videos
WHERE corpus = $corpus AND id IN (SELECT unnest($ids)) AND reason IS NULL;
