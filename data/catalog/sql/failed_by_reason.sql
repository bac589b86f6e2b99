-- Failures of a stage: each reason, its number of videos, and three of them with their details.
WITH failed AS (
    SELECT o.content AS video, v.id, o.reason, o.detail
    FROM latest o JOIN videos v USING (corpus, content)
    WHERE o.corpus = $corpus AND o.stage = $stage AND o.fingerprint = $print
      AND o.reason IS NOT NULL AND v.reason IS NULL
    UNION ALL
    SELECT coalesce(id, 'line ' || line), coalesce(id, 'line ' || line), reason, detail
    FROM rejects WHERE corpus = $corpus AND $stage = 'ingest'
    UNION ALL
    SELECT id, id, reason, detail
    FROM videos WHERE corpus = $corpus AND reason IS NOT NULL AND $stage = 'ingest'
)
SELECT reason, count(DISTINCT video) AS videos,
       array_to_string(list(DISTINCT id || ': ' || detail ORDER BY id || ': ' || detail)[:3], '; ') AS examples
FROM failed
GROUP BY reason
ORDER BY videos DESC, reason;
