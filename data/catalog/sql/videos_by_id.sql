-- What is stored of the videos with these ids, good or failed.
-- By their rows: else all these columns of the whole table are read, for each part of an ingest.
SELECT id, uri, caption, columns, bytes, stamp, content, reason, detail, decoder
FROM videos WHERE rowid IN (
    SELECT rowid FROM videos WHERE corpus = $corpus AND id IN (SELECT unnest($ids))
);
