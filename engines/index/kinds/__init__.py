"""Index plugins: one file per way to build an index, found by its name."""
