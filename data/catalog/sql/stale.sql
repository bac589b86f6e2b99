-- Contents that a published index holds and no video has any more, or none that may be shown.
SELECT count(*) FROM members
WHERE corpus = $corpus AND fingerprint = $fingerprint AND version = $version
  AND content NOT IN (
      SELECT content FROM shown WHERE corpus = $corpus AND content IS NOT NULL
  );
