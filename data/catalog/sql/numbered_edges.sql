-- The links between the contents that have a number.
CREATE TABLE edges AS
SELECT a.node AS one, b.node AS other, l.score
FROM links l JOIN nodes a ON l.one = a.content JOIN nodes b ON l.other = b.content;
