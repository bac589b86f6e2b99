-- Every video that is in a group, the kept one first.
SELECT "group", anchor, place, id, kept, content, uri, caption, duration, fps, width, height, codec, bytes
FROM duplicate_videos WHERE corpus = $corpus ORDER BY "group", place;
