"""The catalogue: DuckDB over what the store holds; it can be rebuilt from the store at any time."""
