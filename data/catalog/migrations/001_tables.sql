-- The catalogue: an index over the store's files. `merged` says which of them are in it.
CREATE TABLE merged (path VARCHAR);
CREATE TABLE ingests (corpus VARCHAR, run INTEGER, source VARCHAR, finished VARCHAR, rows BIGINT);
CREATE TABLE videos (
    corpus VARCHAR, id VARCHAR, uri VARCHAR, caption VARCHAR, columns VARCHAR,
    bytes BIGINT, stamp VARCHAR, content VARCHAR,
    duration DOUBLE, fps DOUBLE, width INTEGER, height INTEGER, codec VARCHAR, rotation INTEGER,
    reason VARCHAR, detail VARCHAR, note VARCHAR, run INTEGER, line BIGINT
);
-- Rows that name no video of their own: no id, or an id that an earlier row of the source has.
CREATE TABLE rejects (
    corpus VARCHAR, source VARCHAR, run INTEGER, line BIGINT, id VARCHAR, reason VARCHAR, detail VARCHAR
);
CREATE TABLE shards (
    corpus VARCHAR, stage VARCHAR, fingerprint VARCHAR, shard VARCHAR, attempt INTEGER, content VARCHAR
);
CREATE TABLE receipts (
    corpus VARCHAR, stage VARCHAR, fingerprint VARCHAR, shard VARCHAR, attempt INTEGER,
    version VARCHAR, host VARCHAR, finished VARCHAR, workers INTEGER, decoders INTEGER,
    done BIGINT, failed BIGINT, frames BIGINT,
    wall DOUBLE, read DOUBLE, decode DOUBLE, model DOUBLE, write DOUBLE
);
CREATE TABLE outcomes (
    corpus VARCHAR, stage VARCHAR, fingerprint VARCHAR, shard VARCHAR, attempt INTEGER,
    id VARCHAR, content VARCHAR, frames BIGINT, reason VARCHAR, detail VARCHAR
);
CREATE TABLE members (corpus VARCHAR, fingerprint VARCHAR, version VARCHAR, content VARCHAR);

-- What is true now of each content: the last attempt speaks.
CREATE VIEW latest AS
SELECT * FROM outcomes
QUALIFY row_number() OVER (
    PARTITION BY corpus, stage, fingerprint, content ORDER BY attempt DESC, shard DESC
) = 1;
