"""Splitting: long videos to the spans of their shots."""
