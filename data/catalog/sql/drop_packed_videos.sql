-- Rows of the ingests that a pack stands for, and older rows that its videos replace.
DELETE FROM videos WHERE corpus = $corpus AND (
    run BETWEEN $first AND $last
    OR (run < $first AND id IN (SELECT id FROM incoming WHERE NOT rejected))
);
