"""Pooling plugins: one file per method, found by its name."""
