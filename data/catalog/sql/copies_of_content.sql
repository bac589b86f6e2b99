-- Other videos that may be shown and have the same bytes.
SELECT id FROM shown WHERE corpus = $corpus AND content = $content AND id <> $id
ORDER BY run, line LIMIT 50;
