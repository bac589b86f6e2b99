-- What failed in a stage: each reason, how many videos, and some of them with what was said.
SELECT o.reason, count(DISTINCT o.content) AS videos,
       array_to_string(list(DISTINCT v.id || ': ' || o.detail ORDER BY v.id || ': ' || o.detail)[:3], '; ') AS examples
FROM latest o JOIN videos v USING (corpus, content)
WHERE o.corpus = $corpus AND o.stage = $stage AND o.fingerprint = $print
  AND o.reason IS NOT NULL AND v.reason IS NULL
GROUP BY o.reason
ORDER BY videos DESC, o.reason;
