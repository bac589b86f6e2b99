"""Finds near-duplicates: candidates by an index, confirmed on frame vectors in time order."""
