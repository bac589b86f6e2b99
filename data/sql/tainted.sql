-- Outputs that a video conditioned, or a copy of what it is or was when it was withdrawn.
SELECT DISTINCT o.run, o.request_id, o.prompt_id, o.prompt, o.sample, o.file
FROM outputs o JOIN conditioning c USING (run, request_id, attempt)
WHERE c.corpus = $corpus AND o.reason IS NULL AND (
    c.video_id = $id OR c.content IN (
        SELECT content FROM withdrawn WHERE corpus = $corpus AND video_id = $id
        UNION ALL
        SELECT content FROM videos WHERE corpus = $corpus AND id = $id AND content IS NOT NULL
    )
)
ORDER BY o.run, o.request_id;
