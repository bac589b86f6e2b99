-- The withdrawn contents of a corpus.
SELECT content FROM withdrawn_contents WHERE corpus = $corpus;
