"""Retrieval-augmented generation: what a base model is told of retrieved clips, and how."""
