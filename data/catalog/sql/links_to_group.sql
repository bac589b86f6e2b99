-- The pairs of contents that may be shown, each once; `found_pairs` has those of every shard.
SELECT one, other, max(score) AS score FROM found_pairs
WHERE one IN (SELECT content FROM shown WHERE corpus = $corpus)
  AND other IN (SELECT content FROM shown WHERE corpus = $corpus)
GROUP BY one, other;
