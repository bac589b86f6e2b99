"""Vectors of a corpus's captions."""
