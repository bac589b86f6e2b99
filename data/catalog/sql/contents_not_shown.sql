-- Pooled contents to leave out of an index, since no video that may be shown has them.
SELECT o.content FROM latest o
WHERE o.corpus = $corpus AND o.stage = 'pool' AND o.fingerprint = $pool AND o.reason IS NULL
  AND o.content NOT IN (SELECT content FROM shown WHERE corpus = $corpus AND content IS NOT NULL);
