-- What is stored of the videos with these ids, good or failed.
SELECT id, uri, caption, columns, bytes, stamp, content, reason, detail, decoder
FROM videos WHERE corpus = $corpus AND id IN (SELECT unnest($ids));
