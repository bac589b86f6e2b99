"""Feature-extractor plugins for distances: one file per network, loaded by file name."""
