-- Rejected rows of the ingests that a pack stands for, and older ones of the same sources.
DELETE FROM rejects WHERE corpus = $corpus AND (
    run BETWEEN $first AND $last
    OR (run < $first AND source IN (SELECT source FROM incoming))
);
