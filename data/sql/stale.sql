-- Contents that a published index holds and no video has any more.
SELECT count(*) FROM members
WHERE corpus = $corpus AND fingerprint = $fingerprint AND version = $version
  AND content NOT IN (
      SELECT content FROM videos WHERE corpus = $corpus AND reason IS NULL AND content IS NOT NULL
  );
