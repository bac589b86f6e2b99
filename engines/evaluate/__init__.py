"""Metrics of generated videos, one a file."""
