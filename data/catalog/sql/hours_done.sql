-- Hours of the videos that went through a stage, each content once.
-- Summed in whole microseconds: threads add floats in any order, and the last digit would vary.
SELECT coalesce(sum(round(v.duration * 1e6)::BIGINT), 0) / 3.6e9
FROM latest o JOIN (
    SELECT content, any_value(duration) AS duration FROM videos WHERE corpus = $corpus GROUP BY content
) v USING (content)
WHERE o.corpus = $corpus AND o.stage = $stage AND o.fingerprint = $fingerprint AND o.reason IS NULL;
