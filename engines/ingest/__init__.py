"""Ingest: the first source plugin that accepts an address reads its rows."""
