-- The contents that lists of shards name; `incoming` has their JSON. In stores of 0.1.0 the items
-- are called videos.
INSERT INTO shards BY NAME
SELECT $corpus AS corpus, $stage AS stage, $fingerprint AS fingerprint, id AS shard, attempt,
       unnest(coalesce(items, videos)).content AS content
FROM (SELECT unnest(from_json(text, '{
    "id": "VARCHAR", "attempt": "INTEGER",
    "items": [{"content": "VARCHAR"}], "videos": [{"content": "VARCHAR"}]
}')) FROM incoming);
