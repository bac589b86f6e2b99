-- The groups of now and of before that have contents in common, those with the most first; `before`
-- has the anchor of each content that was in a group. A name whose content is in another group now
-- would name two.
SELECT g.number, f.former
FROM grouped g JOIN nodes n USING (node) JOIN before b USING (content)
JOIN (SELECT anchor, row_number() OVER (ORDER BY anchor) AS former
      FROM (SELECT DISTINCT anchor FROM before)) f USING (anchor)
LEFT JOIN (SELECT content, number FROM grouped JOIN nodes USING (node)) owner
    ON owner.content = b.anchor
WHERE owner.number IS NULL OR owner.number = g.number
GROUP BY g.number, f.former
ORDER BY count(*) DESC, g.number, f.former;
