-- Whether any video went through a stage.
SELECT 1 FROM receipts
WHERE corpus = $corpus AND stage = $stage AND fingerprint = $fingerprint AND done > 0 LIMIT 1;
