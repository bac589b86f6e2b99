SELECT content, id AS "videoID", coalesce(caption, '') AS txt, uri AS "videoLoc"
FROM videos WHERE corpus = $corpus AND reason IS NULL AND content IN (SELECT unnest($contents))
ORDER BY run, line;
