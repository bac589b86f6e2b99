-- Those of some videos that may be shown, with their sources' columns and the id of their group of
-- near-duplicates.
SELECT v.id, v.uri, v.caption, v.content, v.columns::VARCHAR AS columns, d."group" AS duplicate_group
FROM shown v LEFT JOIN (SELECT id, "group" FROM duplicate_videos WHERE corpus = $corpus) d USING (id)
WHERE v.corpus = $corpus AND v.id IN (SELECT unnest($ids));
