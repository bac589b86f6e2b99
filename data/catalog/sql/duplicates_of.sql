-- The videos that another one is kept in place of, and its id.
SELECT id, kept AS duplicate_of FROM duplicate_videos
WHERE corpus = $corpus AND id <> kept;
