-- The shard and the id under which the frame vectors of contents are stored.
SELECT content, shard, id FROM latest
WHERE corpus = $corpus AND stage = 'embed' AND fingerprint = $embed AND reason IS NULL
  AND content IN (SELECT unnest($contents));
