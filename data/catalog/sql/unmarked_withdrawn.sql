-- Contents that withdrawn videos have now and that no mark names, each as a mark like the first.
SELECT v.id AS video_id, v.content, min(w."at") AS "at", arg_min(w.why, w."at") AS why
FROM videos v JOIN withdrawn w ON w.corpus = v.corpus AND w.video_id = v.id
WHERE v.corpus = $corpus AND v.content IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM withdrawn m
    WHERE m.corpus = v.corpus AND m.video_id = v.id AND m.content = v.content
)
GROUP BY ALL ORDER BY v.id;
