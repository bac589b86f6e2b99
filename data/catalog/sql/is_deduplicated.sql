-- Whether a corpus was searched for near-duplicates.
SELECT 1 FROM dedups WHERE corpus = $corpus;
