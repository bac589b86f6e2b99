-- Outputs that a video conditioned, or a copy of its content: now, or when it was withdrawn.
SELECT o.run, o.request_id, o.prompt_id, o.prompt, o.sample, o.seed, o.file, o.sha256, o.finished,
       c.corpus, c.rank, c.video_id, c.score, c.start_s, c.weight
FROM outputs o JOIN conditioning c USING (run, request_id, attempt)
WHERE (c.corpus = $corpus OR $corpus IS NULL) AND o.reason IS NULL AND (
    c.video_id = $id OR (c.corpus, c.content) IN (
        SELECT (corpus, content) FROM withdrawn WHERE video_id = $id AND content IS NOT NULL
        UNION ALL
        SELECT (corpus, content) FROM videos WHERE id = $id AND content IS NOT NULL
    )
)
ORDER BY o.run, o.prompt_id, o.sample, c.rank;
