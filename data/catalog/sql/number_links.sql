-- Numbers the contents of `links` that are in an index, whose file of rows is $ids, in their order.
CREATE TABLE nodes AS
SELECT row_number() OVER (ORDER BY l.content) - 1 AS node, l.content, i.row
FROM (SELECT one AS content FROM links UNION SELECT other FROM links) l
JOIN read_parquet($ids) i ON l.content = coalesce(i.content, i.video_id);
