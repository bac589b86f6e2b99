-- The videos of the groups that these videos are in: of each given one all, itself among them.
SELECT g.id AS given, m.id, m.content
FROM duplicate_videos g JOIN duplicate_videos m USING (corpus, anchor)
WHERE g.corpus = $corpus AND g.id IN (SELECT unnest($ids))
ORDER BY g.id, m.place;
