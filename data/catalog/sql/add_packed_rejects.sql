-- Rejected rows of a pack, except those of sources with a later ingest that is merged already.
INSERT INTO rejects BY NAME
SELECT line, id, reason, detail, $corpus AS corpus, source, run
FROM incoming i WHERE rejected AND NOT EXISTS (
    SELECT 1 FROM ingests g WHERE g.corpus = $corpus AND g.source = i.source AND g.run > i.run
);
