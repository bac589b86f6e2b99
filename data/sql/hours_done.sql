-- Hours of the videos that went through a stage, each content once.
SELECT coalesce(sum(v.duration), 0) / 3600
FROM latest o JOIN (
    SELECT content, any_value(duration) AS duration FROM videos WHERE corpus = $corpus GROUP BY content
) v USING (content)
WHERE o.corpus = $corpus AND o.stage = $stage AND o.fingerprint = $fingerprint AND o.reason IS NULL;
