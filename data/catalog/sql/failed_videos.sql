-- Videos whose last attempt failed for one of the reasons, under some decoder; each content once.
-- One that a list without a receipt names has its new attempt already, and is not listed again.
SELECT v.id, v.uri, v.content, v.duration, v.bytes, v.stamp
FROM latest o JOIN shown v USING (corpus, content)
WHERE o.corpus = $corpus AND o.stage = $stage AND o.fingerprint = $fingerprint
  AND v.uri IS NOT NULL AND o.reason IN (SELECT unnest($reasons))
  AND ($decoder IS NULL OR o.decoder = $decoder)
  AND ($other IS NULL OR o.decoder IS DISTINCT FROM $other)
  AND v.content NOT IN (
      SELECT content FROM shards s
      WHERE s.corpus = $corpus AND s.stage = $stage AND s.fingerprint = $fingerprint
        AND NOT EXISTS (
            FROM receipts r WHERE r.corpus = s.corpus AND r.stage = s.stage
              AND r.fingerprint = s.fingerprint AND r.shard = s.shard
        )
  )
QUALIFY row_number() OVER (PARTITION BY v.content ORDER BY v.run, v.line) = 1
ORDER BY v.run, v.line;
