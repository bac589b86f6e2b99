-- Every video that is in a group, the kept one first, with the pair of it and the kept one;
-- `found_pairs` has the pairs of every shard.
WITH members AS (
    SELECT *, first_value(content) OVER (PARTITION BY "group" ORDER BY place) AS kept_content
    FROM duplicate_videos WHERE corpus = $corpus
)
SELECT m."group", m.id, m.content, m.uri, m.caption, m.duration, m.width, m.height, m.codec,
       m.bytes, p.one, p.similarity, p.score, p.speed, p.one_from, p.one_to, p.other_from, p.other_to
FROM members m LEFT JOIN (SELECT DISTINCT ON (one, other) * FROM found_pairs) p
    ON p.one = least(m.content, m.kept_content) AND p.other = greatest(m.content, m.kept_content)
ORDER BY m."group", m.place;
