-- The shards of a pool stage that are done, a pack in place of what it stands for.
SELECT shard FROM receipts
WHERE corpus = $corpus AND stage = 'pool' AND fingerprint = $pool ORDER BY shard;
