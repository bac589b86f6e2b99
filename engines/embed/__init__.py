"""Embedding: the frames of videos, and texts, become vectors in one space."""
