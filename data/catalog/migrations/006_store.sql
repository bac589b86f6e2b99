-- The id of the store that this catalogue was built from; no row where the store has none yet.
CREATE TABLE store (id VARCHAR);
