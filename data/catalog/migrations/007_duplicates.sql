-- Near-duplicates: the group of each content that is in one, and how its corpus was searched for
-- them. The anchor is the content that a group is named after; it may be gone.
CREATE TABLE dedups (
    corpus VARCHAR, fingerprint VARCHAR, keep VARCHAR, threshold DOUBLE,
    index_fingerprint VARCHAR, index_version VARCHAR, made VARCHAR
);
CREATE TABLE duplicates (corpus VARCHAR, content VARCHAR, anchor VARCHAR);

-- The videos that are in groups of two and more, by what may be shown now: copies of the same
-- bytes are one group too. `kept` is the id of the video that its group keeps.
CREATE VIEW duplicate_videos AS
WITH candidates AS (
    SELECT v.*, coalesce(d.anchor, v.content) AS anchor, p.keep
    FROM shown v JOIN dedups p USING (corpus) LEFT JOIN duplicates d USING (corpus, content)
    WHERE v.content IS NOT NULL
)
SELECT *, left(sha256(anchor), 12) AS "group", first_value(id) OVER ranked AS kept,
       row_number() OVER ranked AS place
FROM (SELECT * FROM candidates QUALIFY count(*) OVER (PARTITION BY corpus, anchor) > 1)
WINDOW ranked AS (
    PARTITION BY corpus, anchor ORDER BY
        CASE keep WHEN 'longest' THEN round(duration, 1) END DESC NULLS LAST,
        CASE WHEN keep <> 'first' THEN width * height END DESC NULLS LAST,
        CASE WHEN keep <> 'first' THEN bytes END DESC NULLS LAST,
        run, line
    ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
);
