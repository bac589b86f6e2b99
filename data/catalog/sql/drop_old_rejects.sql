-- Rejected rows of a source's older ingests: only those of its newest one count.
DELETE FROM rejects WHERE corpus = $corpus AND source = $source AND run < $run;
