-- Adds the ids that were not seen before, each with its first line.
INSERT INTO seen SELECT id, min(line) FROM incoming ANTI JOIN seen USING (id) GROUP BY id;
