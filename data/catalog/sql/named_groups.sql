-- The contents that are in groups, each with the anchor of its group: the former one that was
-- `chosen`, or the group's first content.
SELECT n.content, coalesce(f.anchor, first_value(n.content) OVER (PARTITION BY g.number ORDER BY n.node)) AS anchor
FROM grouped g JOIN nodes n USING (node) LEFT JOIN chosen c USING (number)
LEFT JOIN (SELECT anchor, row_number() OVER (ORDER BY anchor) AS former
           FROM (SELECT DISTINCT anchor FROM before)) f USING (former)
ORDER BY g.number, n.node;
