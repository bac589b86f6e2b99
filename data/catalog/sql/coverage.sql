-- How many rows of the source, without withdrawn videos, are done, failed (in this stage or before) and missing, by stage.
-- Hours are summed in whole microseconds: threads add floats in any order, and digits would vary.
WITH v AS (
    SELECT content, duration, reason IS NULL AS good FROM videos v
    WHERE corpus = $corpus AND NOT EXISTS (
        SELECT 1 FROM withdrawn w
        WHERE w.corpus = v.corpus AND (w.video_id = v.id OR w.content = v.content)
    )
    UNION ALL
    SELECT NULL, NULL, false FROM rejects WHERE corpus = $corpus
),
e AS (
    SELECT content, reason FROM latest
    WHERE corpus = $corpus AND stage = 'embed' AND fingerprint = $embed
),
p AS (
    SELECT content, reason FROM latest
    WHERE corpus = $corpus AND stage = 'pool' AND fingerprint = $pool
),
m AS (
    SELECT DISTINCT content FROM members
    WHERE corpus = $corpus AND fingerprint = $index AND version = $version
),
state AS (
    SELECT round(coalesce(v.duration, 0) * 1e6)::BIGINT AS microseconds,
        CASE WHEN good THEN 'done' ELSE 'failed' END AS ingest,
        CASE WHEN NOT good THEN 'failed' WHEN e.content IS NULL THEN 'missing'
             WHEN e.reason IS NULL THEN 'done' ELSE 'failed' END AS embed,
        CASE WHEN embed <> 'done' THEN embed WHEN p.content IS NULL THEN 'missing'
             WHEN p.reason IS NULL THEN 'done' ELSE 'failed' END AS pool,
        CASE WHEN pool <> 'done' THEN pool WHEN m.content IS NULL THEN 'missing'
             ELSE 'done' END AS index
    FROM v LEFT JOIN e USING (content) LEFT JOIN p USING (content) LEFT JOIN m USING (content)
)
SELECT stage, state, count(*) AS videos, sum(microseconds) / 3.6e9 AS hours
FROM (UNPIVOT state ON ingest, embed, pool, index INTO NAME stage VALUE state)
GROUP BY ALL;
