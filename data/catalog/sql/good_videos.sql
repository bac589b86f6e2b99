-- The videos that may be shown, with their sources' columns as JSON.
SELECT id, uri, caption, content, bytes, duration, fps, width, height, codec, rotation, note, columns::JSON AS columns
FROM shown WHERE corpus = $corpus;
