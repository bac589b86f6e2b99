-- What experiments found: each metric under each condition, and its difference to k=0.
CREATE TABLE experiments (
    experiment VARCHAR, corpus VARCHAR, made VARCHAR, condition VARCHAR, controller VARCHAR,
    k INTEGER, shuffled BOOLEAN, metric VARCHAR, n INTEGER,
    mean DOUBLE, difference DOUBLE, low DOUBLE, high DOUBLE
);
