"""Index builds: in one piece, in parts, or added to a published version."""
