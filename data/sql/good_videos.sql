SELECT id, uri, caption, content, bytes, duration, fps, width, height, codec, rotation, note, columns::JSON AS columns
FROM videos WHERE corpus = $corpus AND reason IS NULL;
