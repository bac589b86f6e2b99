-- The receipts of a stage, oldest first.
SELECT finished, frames, wall, read, decode, model, write, workers, decoders
FROM receipts WHERE corpus = $corpus AND stage = $stage AND fingerprint = $fingerprint
ORDER BY finished, shard;
