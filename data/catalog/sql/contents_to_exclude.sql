-- Pooled contents to leave out of a new index, since no video that may be shown has them;
-- and, where an index is added to, those that it holds already.
SELECT o.content FROM latest o
WHERE o.corpus = $corpus AND o.stage = 'pool' AND o.fingerprint = $pool AND o.reason IS NULL
  AND (
      o.content NOT IN (SELECT content FROM shown WHERE corpus = $corpus)
      OR o.content IN (
          SELECT content FROM members
          WHERE corpus = $corpus AND fingerprint = $fingerprint AND version = $version
      )
  );
