-- Every failed row once, at the stage where it failed.
SELECT 'ingest' AS stage, id, reason, detail, 1 AS attempts, NULL AS decoder FROM rejects WHERE corpus = $corpus
UNION ALL
SELECT 'ingest', id, reason, detail, 1, decoder FROM videos WHERE corpus = $corpus AND reason IS NOT NULL
UNION ALL
SELECT o.stage, v.id, o.reason, o.detail, o.attempt, o.decoder
FROM latest o JOIN videos v USING (corpus, content)
WHERE o.corpus = $corpus AND o.reason IS NOT NULL AND v.reason IS NULL
  AND o.fingerprint IN (SELECT unnest($current))
ORDER BY stage, reason, id;
