-- The videos with these ids, as sources of a generated video.
SELECT id, content, duration, fps FROM videos
WHERE corpus = $corpus AND id IN (SELECT unnest($ids)) AND reason IS NULL;
