"""MSRVTT-Personalization: its annotations, official files and ground-truth embeddings."""
