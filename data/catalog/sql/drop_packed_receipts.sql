-- Receipts of the shards that a pack stands for.
DELETE FROM receipts
WHERE corpus = $corpus AND stage = $stage AND fingerprint = $fingerprint
  AND shard >= $first AND shard < $past;
