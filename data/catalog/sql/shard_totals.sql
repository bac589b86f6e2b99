-- How many contents some shards list, and their hours.
SELECT count(*), coalesce(sum(v.duration), 0) / 3600
FROM shards s LEFT JOIN (
    SELECT content, any_value(duration) AS duration FROM videos WHERE corpus = $corpus GROUP BY content
) v USING (content)
WHERE s.corpus = $corpus AND s.stage = $stage AND s.fingerprint = $fingerprint
  AND s.shard IN (SELECT unnest($shards));
