-- The videos that may be shown and have one of these names: as their id, or as the name of their
-- file with or without its ending.
SELECT id, regexp_extract(coalesce(uri, ''), '([^/]*)$', 1) AS file, uri, content, duration, bytes, stamp
FROM shown
WHERE corpus = $corpus AND (
    id IN (SELECT unnest($names))
    OR regexp_extract(coalesce(uri, ''), '([^/]*)$', 1) IN (SELECT unnest($names))
    OR regexp_extract(coalesce(uri, ''), '([^/]*?)(\.[^./]*)?$', 1) IN (SELECT unnest($names))
)
ORDER BY run, line;
