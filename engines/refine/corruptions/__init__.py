"""Corruptions, one a file; see `engines/refine/protocol.py`."""
