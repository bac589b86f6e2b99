-- For each content the first video that has it and may be shown.
SELECT content, arg_min(id, (run, line)) AS id, arg_min(uri, (run, line)) AS uri,
       arg_min(caption, (run, line)) AS caption
FROM shown
WHERE corpus = $corpus AND content IN (SELECT unnest($contents))
GROUP BY content;
