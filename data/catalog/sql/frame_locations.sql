-- For each incoming content of an index, in order, the shard and the id of its frame vectors;
-- null for none.
SELECT l.shard, l.id
FROM incoming i LEFT JOIN (
    SELECT content, shard, id FROM latest
    WHERE corpus = $corpus AND stage = 'embed' AND fingerprint = $embed AND reason IS NULL
) l USING (content)
ORDER BY i.row;
