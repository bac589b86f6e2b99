-- The videos that may be shown, with their sources' columns as JSON; of a copy, the id of the video
-- that is kept in its place, and of all videos of a group its id.
SELECT v.id, uri, caption, content, bytes, duration, fps, width, height, codec, rotation, note,
       columns::JSON AS columns, duplicate_of, duplicate_group
FROM shown v LEFT JOIN (
    SELECT id, nullif(kept, id) AS duplicate_of, "group" AS duplicate_group
    FROM duplicate_videos WHERE corpus = $corpus
) copies ON copies.id = v.id
WHERE v.corpus = $corpus;
