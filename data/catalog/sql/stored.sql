-- In which shard, and under which id, the frame vectors of contents lie.
SELECT content, shard, id FROM latest
WHERE corpus = $corpus AND stage = 'embed' AND fingerprint = $embed AND reason IS NULL
  AND content IN (SELECT unnest($contents));
