-- Rows of videos that an ingest brings anew.
DELETE FROM videos
WHERE corpus = $corpus AND id IN (SELECT id FROM incoming WHERE NOT rejected);
