-- Outputs that were conditioned on a withdrawn video, or on a copy of one.
SELECT DISTINCT o.run, o.request_id, o.prompt_id, o.prompt, o.sample, o.file
FROM outputs o
JOIN conditioning c USING (run, request_id, attempt)
JOIN withdrawn_contents w ON w.corpus = c.corpus AND w.content = c.content
WHERE c.corpus = $corpus AND o.reason IS NULL
ORDER BY o.run, o.request_id;
