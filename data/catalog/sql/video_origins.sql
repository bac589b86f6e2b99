-- How many videos of a corpus are fakes, drawn by the demo, and real footage.
SELECT origin, count(*) AS videos FROM (
    SELECT CASE
        WHEN starts_with(uri, 'fake://') THEN 'fake'
        WHEN regexp_matches(id, '^shapes-[0-9]+-[0-9]{6}$') THEN 'drawn'
        ELSE 'real'
    END AS origin
    FROM videos WHERE corpus = $corpus AND uri IS NOT NULL
) GROUP BY origin;
