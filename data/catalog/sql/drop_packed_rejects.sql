DELETE FROM rejects WHERE corpus = $corpus AND (
    run BETWEEN $first AND $last
    OR (run < $first AND source IN (SELECT source FROM incoming))
);
