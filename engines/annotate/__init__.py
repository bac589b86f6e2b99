"""Annotators: the texts of videos, with their times."""
