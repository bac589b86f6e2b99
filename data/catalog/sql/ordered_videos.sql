-- As good_videos, in the order of their sources.
SELECT v.id, uri, caption, content, bytes, duration, fps, width, height, codec, rotation, note,
       columns::JSON AS columns, duplicate_of, duplicate_group
FROM shown v LEFT JOIN (
    SELECT id, nullif(kept, id) AS duplicate_of, "group" AS duplicate_group
    FROM duplicate_videos WHERE corpus = $corpus
) copies ON copies.id = v.id
WHERE v.corpus = $corpus
ORDER BY run, line;
