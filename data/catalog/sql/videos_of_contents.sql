-- One video for each of some contents that may be shown, with its source's columns: of copies one
-- of these ids, else the first.
SELECT id, uri, caption, content, columns::VARCHAR AS columns
FROM shown
WHERE corpus = $corpus AND content IN (SELECT unnest($contents)) AND uri IS NOT NULL
QUALIFY row_number() OVER (
    PARTITION BY content ORDER BY list_contains($ids, id) DESC, run, line
) = 1;
