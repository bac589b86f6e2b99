-- How many contents with vectors, of videos that may be shown, a version of the index lacks.
SELECT count(*) FROM latest o
WHERE o.corpus = $corpus AND o.stage = $stage AND o.fingerprint = $made_by AND o.reason IS NULL
  AND o.content IN (SELECT content FROM shown WHERE corpus = $corpus)
  AND o.content NOT IN (
      SELECT content FROM members
      WHERE corpus = $corpus AND fingerprint = $fingerprint AND version = $version
        AND content IS NOT NULL
  );
