-- The videos of some contents, under the column names of clip-video-encode.
SELECT content, id AS "videoID", coalesce(caption, '') AS txt, uri AS "videoLoc"
FROM shown WHERE corpus = $corpus AND content IN (SELECT unnest($contents))
ORDER BY run, line;
