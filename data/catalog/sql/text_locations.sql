-- The shard and the id under which a stage has stored what it found in contents.
SELECT content, shard, id FROM latest
WHERE corpus = $corpus AND stage = $stage AND fingerprint = $fingerprint AND reason IS NULL
  AND content IN (SELECT unnest($contents));
