"""Retrieval: prompts searched in a corpus, and the checks on what is found."""
