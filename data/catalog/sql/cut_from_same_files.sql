-- Of those of some videos that are spans of files, the contents of all that is cut from these files.
WITH own AS (
    SELECT id, regexp_replace(uri, '#t=[0-9.]+(,[0-9.]+)?$', '') AS file FROM videos
    WHERE corpus = $corpus AND id IN (SELECT unnest($ids)) AND reason IS NULL AND contains(uri, '#t=')
)
SELECT own.id, v.content FROM own
JOIN videos v ON own.file = regexp_replace(v.uri, '#t=[0-9.]+(,[0-9.]+)?$', '')
WHERE v.corpus = $corpus AND v.reason IS NULL;
