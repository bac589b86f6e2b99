"""Models that answer, one a file."""
