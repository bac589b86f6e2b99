-- The shard in which a stage wrote what it found in a content, where it did.
SELECT shard FROM outcomes
WHERE corpus = $corpus AND stage = $stage AND fingerprint = $fingerprint AND content = $content
QUALIFY row_number() OVER (ORDER BY attempt DESC, shard DESC) = 1 AND reason IS NULL;
