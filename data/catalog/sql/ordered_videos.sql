-- As good_videos, in the order of their sources.
SELECT id, uri, caption, content, bytes, duration, fps, width, height, codec, rotation, note, columns::JSON AS columns
FROM shown WHERE corpus = $corpus
ORDER BY run, line;
