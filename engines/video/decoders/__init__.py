"""Decoder plugins: one file per library, found by its name."""
