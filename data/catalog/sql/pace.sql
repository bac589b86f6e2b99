-- Worker seconds an hour of video took in a stage: of this fingerprint first, else of the newest.
-- Each worker has two shards in hand at once, so their walls overlap by half.
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
ORDER BY fingerprint = $print DESC, last DESC
LIMIT 1;
