-- The names and types of the source's columns, over all rows.
SELECT json_group_structure(columns::JSON) FROM videos WHERE corpus = $corpus AND reason IS NULL;
