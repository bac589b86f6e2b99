"""Answers questions about videos from frames and from texts with their times."""
