-- Every run of generation, the newest first, with its counts of outcomes.
SELECT r.run, r.corpus, r.engine, r.made, r.prompts, count(o.request_id) FILTER (o.reason IS NULL) AS done,
       count(o.reason) AS failed, coalesce(sum(o.seconds), 0) AS seconds
FROM runs r LEFT JOIN outputs o USING (run)
WHERE r.corpus = $corpus OR $corpus IS NULL
GROUP BY ALL ORDER BY r.made DESC, r.run;
