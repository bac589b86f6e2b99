-- The clips that an output was conditioned on; it is named by its request or its file's digest.
SELECT o.run, o.request_id, o.prompt, o.seed, o.reason, o.detail, o.note, o.file, o.sha256,
       o.finished, r.engine, r.model_digest, r.controller_digest, o.index_version,
       o.corpus, c.rank, c.video_id, c.content, c.score, c.start_s, c.weight
FROM outputs o JOIN runs r USING (run) LEFT JOIN conditioning c USING (run, request_id, attempt)
WHERE (o.corpus = $corpus OR $corpus IS NULL)
  AND (o.request_id = $id OR o.sha256 = $sha256)
ORDER BY o.run, o.request_id, c.rank;
