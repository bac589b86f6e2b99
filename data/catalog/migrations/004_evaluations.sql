-- What evaluations found: each metric of each method, and what could not be measured.
CREATE TABLE evaluations (
    evaluation VARCHAR, made VARCHAR, source VARCHAR, benchmark VARCHAR, mode VARCHAR,
    method VARCHAR, videos INTEGER, failed INTEGER, dropped INTEGER,
    metric VARCHAR, label VARCHAR, n INTEGER, unmeasured INTEGER,
    mean DOUBLE, low DOUBLE, high DOUBLE
);
