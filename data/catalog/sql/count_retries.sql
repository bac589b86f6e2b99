-- How many failures there are to try again, by stage, reason and decoder.
SELECT stage, reason, coalesce(decoder, 'not known') AS decoder, count(DISTINCT what) AS videos
FROM (
    SELECT 'ingest' AS stage, reason, decoder, id AS what FROM videos
    WHERE corpus = $corpus AND uri IS NOT NULL
    UNION ALL
    SELECT o.stage, o.reason, o.decoder, o.content
    FROM latest o JOIN shown v USING (corpus, content)
    WHERE o.corpus = $corpus AND o.fingerprint IN (SELECT unnest($current)) AND v.uri IS NOT NULL
)
WHERE reason IN (SELECT unnest($reasons))
  AND ($decoder IS NULL OR decoder = $decoder)
  AND ($other IS NULL OR decoder IS DISTINCT FROM $other)
GROUP BY ALL
ORDER BY stage DESC, videos DESC, reason, decoder;
