-- The videos whose last attempt failed, for one of the reasons, refused by such a decoder; a content once.
SELECT arg_min(v.id, (v.run, v.line)) AS id, arg_min(v.uri, (v.run, v.line)) AS uri, v.content,
       any_value(v.duration) AS duration
FROM latest o JOIN videos v USING (corpus, content)
WHERE o.corpus = $corpus AND o.stage = $stage AND o.fingerprint = $fingerprint
  AND v.reason IS NULL AND o.reason IN (SELECT unnest($reasons))
  AND ($decoder IS NULL OR o.decoder = $decoder)
  AND ($other IS NULL OR o.decoder IS DISTINCT FROM $other)
GROUP BY v.content
ORDER BY min((v.run, v.line));
