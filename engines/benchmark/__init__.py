"""MSRVTT-Personalization: its annotations, its data folder, and what models make of it."""
