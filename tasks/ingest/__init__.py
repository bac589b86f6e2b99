"""Ingest runs: parts of a source checked, probed and written."""
