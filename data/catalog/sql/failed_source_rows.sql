-- Rows whose ingest failed for one of the reasons, as the source had them.
SELECT id, uri, caption, columns, run FROM videos
WHERE corpus = $corpus AND reason IN (SELECT unnest($reasons)) AND uri IS NOT NULL
  AND ($decoder IS NULL OR decoder = $decoder)
  AND ($other IS NULL OR decoder IS DISTINCT FROM $other)
ORDER BY run, line;
