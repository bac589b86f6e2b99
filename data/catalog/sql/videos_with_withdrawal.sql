-- The videos of an id, in one corpus or all, and whether and why they are withdrawn.
SELECT v.corpus, v.id, v.uri, v.caption, v.content,
       min(w."at") AS withdrawn, arg_min(w.why, w."at") AS why
FROM videos v LEFT JOIN withdrawn w ON v.corpus = w.corpus AND (v.id = w.video_id OR v.content = w.content)
WHERE v.id = $id AND (v.corpus = $corpus OR $corpus IS NULL) GROUP BY ALL ORDER BY v.corpus;
