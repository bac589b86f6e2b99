-- Every attempt at a content, by stage: the oldest first.
SELECT stage, fingerprint, attempt, id, frames, reason, detail, decoder
FROM outcomes WHERE corpus = $corpus AND content = $content
ORDER BY stage, attempt, shard;
