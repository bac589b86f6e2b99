-- Videos whose caption is another than the one that was encoded, or that have one by now; one for
-- each content, of which no video has the encoded caption. Values that are no text are left alone.
WITH said AS (
    SELECT *, CASE
        WHEN $column IS NULL THEN coalesce(caption, '')
        WHEN coalesce(json_type(columns, $path), 'NULL') IN ('VARCHAR', 'NULL')
            THEN coalesce(json_extract_string(columns, $path), '')
    END AS said
    FROM shown WHERE corpus = $corpus
)
SELECT v.id, v.uri, v.content, v.duration, v.bytes, v.stamp
FROM latest o JOIN said v USING (corpus, content)
WHERE o.stage = $stage AND o.fingerprint = $fingerprint AND v.said IS NOT NULL
  AND CASE o.reason WHEN 'empty' THEN trim(v.said) <> '' ELSE o.reason IS NULL AND o.detail IS NOT NULL END
  AND v.content NOT IN (
      SELECT content FROM shards s
      WHERE s.corpus = $corpus AND s.stage = $stage AND s.fingerprint = $fingerprint
        AND NOT EXISTS (
            FROM receipts r WHERE r.corpus = s.corpus AND r.stage = s.stage
              AND r.fingerprint = s.fingerprint AND r.shard = s.shard
        )
  )
QUALIFY bool_and(o.reason = 'empty' OR left(sha256(v.said), 16) <> o.detail) OVER (PARTITION BY v.content)
  AND row_number() OVER (PARTITION BY v.content ORDER BY v.run, v.line) = 1
ORDER BY v.run, v.line;
