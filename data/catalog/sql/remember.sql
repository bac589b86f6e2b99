INSERT INTO seen SELECT id, min(line) FROM incoming ANTI JOIN seen USING (id) GROUP BY id;
