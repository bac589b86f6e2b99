-- The ids that videos of these bytes have had in a corpus.
SELECT DISTINCT id FROM videos WHERE corpus = $corpus AND content = $content ORDER BY id;
