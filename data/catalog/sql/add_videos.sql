INSERT INTO videos BY NAME
SELECT * EXCLUDE (rejected), $corpus AS corpus, $run AS run FROM incoming WHERE NOT rejected;
