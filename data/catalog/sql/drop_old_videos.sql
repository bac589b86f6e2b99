DELETE FROM videos
WHERE corpus = $corpus AND id IN (SELECT id FROM incoming WHERE NOT rejected);
