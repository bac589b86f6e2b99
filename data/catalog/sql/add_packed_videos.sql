-- Videos of a pack, except those of which a later ingest is merged already.
INSERT INTO videos BY NAME
SELECT * EXCLUDE (rejected, source), $corpus AS corpus FROM incoming
WHERE NOT rejected AND id NOT IN (SELECT id FROM videos WHERE corpus = $corpus);
