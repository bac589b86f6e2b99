-- The size and the stamp of each video's file, by which it is known to be the same one still.
SELECT id, bytes, stamp FROM videos WHERE corpus = $stamped_corpus;
