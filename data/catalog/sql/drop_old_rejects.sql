-- A source's rejected rows are those of its newest ingest.
DELETE FROM rejects WHERE corpus = $corpus AND source = $source AND run < $run;
