-- The seconds that the videos of contents last, where they are known.
SELECT content, max(duration) FROM videos
WHERE corpus = $corpus AND content IN (SELECT unnest($contents)) AND duration IS NOT NULL
GROUP BY content;
