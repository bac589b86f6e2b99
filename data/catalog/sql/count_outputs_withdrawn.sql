-- How many outputs of a run were conditioned on videos that have been withdrawn since.
SELECT count(DISTINCT o.request_id)
FROM outputs o
JOIN conditioning c USING (run, request_id, attempt)
JOIN withdrawn_contents w ON w.corpus = c.corpus AND w.content = c.content
WHERE o.run = $run AND o.reason IS NULL;
