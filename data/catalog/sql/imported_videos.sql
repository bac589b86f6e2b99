-- Which of these ids have a content whose vectors are stored: a row alone is of a killed import.
SELECT id, content FROM videos
WHERE corpus = $corpus AND id IN (SELECT unnest($ids)) AND reason IS NULL AND content IN (
    SELECT content FROM latest
    WHERE corpus = $corpus AND stage = 'embed' AND fingerprint = $fingerprint AND reason IS NULL
);
