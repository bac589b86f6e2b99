-- The videos that may be shown, with their sources' columns as JSON; of a copy, the id of the video
-- that is kept in its place.
SELECT v.id, uri, caption, content, bytes, duration, fps, width, height, codec, rotation, note,
       columns::JSON AS columns, kept AS duplicate_of
FROM shown v LEFT JOIN (
    SELECT id, kept FROM duplicate_videos WHERE corpus = $corpus AND id <> kept
) copies ON copies.id = v.id
WHERE v.corpus = $corpus;
