-- A corpus's newest videos that have files, for contact sheets.
SELECT id, uri, caption, duration FROM shown
WHERE corpus = $corpus AND uri NOT LIKE 'fake://%'
ORDER BY run DESC, line LIMIT $count;
