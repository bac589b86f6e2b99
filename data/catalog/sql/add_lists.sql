-- The contents that lists of shards name; `incoming` has their text.
INSERT INTO shards BY NAME
SELECT $corpus AS corpus, $stage AS stage, $fingerprint AS fingerprint, id AS shard, attempt,
       unnest(videos).content AS content
FROM (SELECT unnest(from_json(text, '{
    "id": "VARCHAR", "attempt": "INTEGER", "videos": [{"content": "VARCHAR"}]
}')) FROM incoming);
