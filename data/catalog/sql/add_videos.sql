-- The rows of an ingest that name a video.
INSERT INTO videos BY NAME
SELECT * EXCLUDE (rejected), $corpus AS corpus, $run AS run FROM incoming WHERE NOT rejected;
