-- How many videos that may be shown an annotator has looked through, failed on, and not met yet.
-- Hours are summed in whole microseconds: threads add floats in any order, and digits would vary.
SELECT $stage AS stage,
       CASE WHEN o.content IS NULL THEN 'missing' WHEN o.reason IS NULL THEN 'done' ELSE 'failed' END AS state,
       count(*) AS videos, sum(round(coalesce(v.duration, 0) * 1e6)::BIGINT) / 3.6e9 AS hours
FROM shown v LEFT JOIN (
    SELECT content, reason FROM latest
    WHERE corpus = $corpus AND stage = $stage AND fingerprint = $fingerprint
) o USING (content)
WHERE v.corpus = $corpus
GROUP BY ALL;
