-- How many contents of a published index belong to no video that may be shown.
SELECT count(*) FROM members
WHERE corpus = $corpus AND fingerprint = $fingerprint AND version = $version
  AND content NOT IN (
      SELECT content FROM shown WHERE corpus = $corpus AND content IS NOT NULL
  );
