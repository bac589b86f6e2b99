-- The rows that an ingest rejected.
INSERT INTO rejects BY NAME
SELECT line, id, reason, detail, $corpus AS corpus, $source AS source, $run AS run
FROM incoming WHERE rejected;
