-- The contents of a version of an index that belong to no video that may be shown.
SELECT content FROM members
WHERE corpus = $corpus AND fingerprint = $fingerprint AND version = $version
  AND content NOT IN (
      SELECT content FROM shown WHERE corpus = $corpus AND content IS NOT NULL
  );
