-- Those of some videos that may be shown, with their sources' columns.
SELECT id, uri, caption, content, columns::VARCHAR AS columns
FROM shown WHERE corpus = $corpus AND id IN (SELECT unnest($ids));
