-- Worker seconds per hour of video, and per video, in a stage: under this fingerprint if it has
-- receipts, else under the newest one. A worker runs two shards at once, so walls overlap by half.
WITH hours AS (
    SELECT o.fingerprint, sum(v.duration) / 3600 AS hours, count(*) AS videos
    FROM latest o JOIN (
        SELECT content, any_value(duration) AS duration FROM videos WHERE corpus = $corpus GROUP BY content
    ) v USING (content)
    WHERE o.corpus = $corpus AND o.stage = $stage
    GROUP BY o.fingerprint
), walls AS (
    SELECT fingerprint, sum(wall * if(workers_shards > 2 * workers, 0.5, 1)) AS seconds, max(finished) AS last
    FROM (
        SELECT *, count(*) OVER (PARTITION BY fingerprint) AS workers_shards
        FROM receipts WHERE corpus = $corpus AND stage = $stage
    )
    GROUP BY fingerprint
)
SELECT seconds / nullif(hours, 0), seconds / nullif(videos, 0)
FROM walls JOIN hours USING (fingerprint)
ORDER BY fingerprint = $fingerprint DESC, last DESC
LIMIT 1;
