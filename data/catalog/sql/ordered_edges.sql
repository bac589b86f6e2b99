-- The links of each connected component, the closest first.
SELECT component, one, other FROM edges JOIN labels ON labels.node = edges.one
ORDER BY component, score DESC, one, other;
