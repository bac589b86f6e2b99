-- What was generated, from what, and what may be used no more.
CREATE TABLE runs (
    run VARCHAR, corpus VARCHAR, made VARCHAR, engine VARCHAR, spec VARCHAR,
    model_digest VARCHAR, controller_digest VARCHAR, prompts BIGINT
);
CREATE TABLE generations (
    run VARCHAR, shard VARCHAR, attempt INTEGER, finished VARCHAR, corpus VARCHAR,
    request_id VARCHAR, prompt_id VARCHAR, prompt VARCHAR, sample INTEGER, seed BIGINT,
    reason VARCHAR, detail VARCHAR, note VARCHAR, file VARCHAR, sha256 VARCHAR,
    frames INTEGER, fps DOUBLE, width INTEGER, height INTEGER, index_version VARCHAR, seconds DOUBLE
);
CREATE TABLE conditioning (
    run VARCHAR, attempt INTEGER, request_id VARCHAR, corpus VARCHAR, rank INTEGER,
    video_id VARCHAR, content VARCHAR, score DOUBLE, start_s DOUBLE, weight DOUBLE
);
CREATE TABLE withdrawn (corpus VARCHAR, video_id VARCHAR, content VARCHAR, "at" VARCHAR, why VARCHAR);

-- What is true now of each request: the last attempt speaks.
CREATE VIEW outputs AS
SELECT * FROM generations
QUALIFY row_number() OVER (PARTITION BY run, request_id ORDER BY attempt DESC, shard DESC) = 1;

-- Every content that is withdrawn: of the video marked, as it was then and as it is now.
CREATE VIEW withdrawn_contents AS
SELECT corpus, content FROM withdrawn
UNION
SELECT v.corpus, v.content FROM videos v
JOIN withdrawn w ON v.corpus = w.corpus AND v.id = w.video_id
WHERE v.content IS NOT NULL;

-- The videos that may be shown: good ones, without those withdrawn and without copies of them.
CREATE VIEW shown AS
SELECT * FROM videos v WHERE reason IS NULL AND NOT EXISTS (
    SELECT 1 FROM withdrawn_contents w WHERE w.corpus = v.corpus AND w.content = v.content
);
