-- The marks of withdrawn videos: whose they are, and what these had then.
SELECT video_id, content FROM withdrawn WHERE corpus = $corpus;
