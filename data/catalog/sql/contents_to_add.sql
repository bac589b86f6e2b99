-- Pooled contents of videos that may be shown which a version of the index lacks, and the shard
-- that has each one's vector.
SELECT o.content, o.shard FROM latest o
WHERE o.corpus = $corpus AND o.stage = 'pool' AND o.fingerprint = $pool AND o.reason IS NULL
  AND o.content IN (SELECT content FROM shown WHERE corpus = $corpus)
  AND o.content NOT IN (
      SELECT content FROM members
      WHERE corpus = $corpus AND fingerprint = $fingerprint AND version = $version
        AND content IS NOT NULL
  );
