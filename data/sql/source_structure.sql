SELECT json_group_structure(columns) FROM videos WHERE corpus = $corpus AND reason IS NULL;
