"""The catalogue: a DuckDB index of the store, which can be rebuilt from it at any time."""
