-- The shard and the id under which a stage's results for contents are stored. As `latest` has them,
-- but of these contents alone: it would rank all outcomes of a million videos first.
SELECT content, shard, id FROM (
    SELECT * FROM outcomes
    WHERE corpus = $corpus AND stage = $stage AND fingerprint = $fingerprint
      AND content IN (SELECT unnest($contents))
    QUALIFY row_number() OVER (PARTITION BY content ORDER BY attempt DESC, shard DESC) = 1
)
WHERE reason IS NULL;
