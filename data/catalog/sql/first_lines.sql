-- For each incoming row the line on which its id was first seen, in this batch or before.
SELECT least(coalesce(s.line, i.line), min(i.line) OVER (PARTITION BY i.id))
FROM incoming i LEFT JOIN (SELECT id, min(line) AS line FROM seen SEMI JOIN incoming USING (id) GROUP BY id) s
USING (id) ORDER BY i.line;
