SELECT id, uri, caption, columns FROM videos
WHERE corpus = $corpus AND reason IN (SELECT unnest($reasons)) AND uri IS NOT NULL
ORDER BY run, line;
