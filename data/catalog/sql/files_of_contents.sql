-- A file of each of some contents that may be shown, as decoding checks it.
SELECT id, uri, content, duration, bytes, stamp FROM shown
WHERE corpus = $corpus AND content IN (SELECT unnest($contents)) AND uri IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY content ORDER BY run, line) = 1;
