SELECT content FROM withdrawn_contents WHERE corpus = $corpus;
