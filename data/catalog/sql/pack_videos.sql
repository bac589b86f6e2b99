-- The rows that still count of some ingests: each video's last row, and the rows that each
-- source's last ingest rejected.
SELECT * FROM (
    SELECT * FROM incoming WHERE NOT rejected
    QUALIFY run = max(run) OVER (PARTITION BY id)
    UNION ALL BY NAME
    SELECT * FROM (
        SELECT * FROM incoming QUALIFY run = max(run) OVER (PARTITION BY source)
    ) WHERE rejected
) ORDER BY run, line;
