-- What refused a video: the decoder with its version, null where it was not written down.
ALTER TABLE videos ADD COLUMN decoder VARCHAR;
ALTER TABLE outcomes ADD COLUMN decoder VARCHAR;

-- Views have the columns that their tables had when they were made.
CREATE OR REPLACE VIEW latest AS
SELECT * FROM outcomes
QUALIFY row_number() OVER (
    PARTITION BY corpus, stage, fingerprint, content ORDER BY attempt DESC, shard DESC
) = 1;
CREATE OR REPLACE VIEW shown AS
SELECT * FROM videos v WHERE reason IS NULL AND NOT EXISTS (
    SELECT 1 FROM withdrawn_contents w WHERE w.corpus = v.corpus AND w.content = v.content
);
