-- How many groups there are, the videos in them, those that copies are of, and byte-wise copies.
SELECT count(DISTINCT anchor) AS groups, count(*) AS videos,
       count(*) FILTER (id <> kept) AS duplicates, count(*) - count(DISTINCT content) AS same_bytes,
       coalesce(max(place), 0) AS largest
FROM duplicate_videos WHERE corpus = $corpus;
