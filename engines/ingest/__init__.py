"""Ingest: a source is opened by the first plugin that accepts its address."""
