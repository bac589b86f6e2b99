"""Search in an index, and what is removed from its results: duplicates, overlaps, near copies."""
