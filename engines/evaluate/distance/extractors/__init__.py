"""Feature-extractor plugins for distances: one file per network, found by its name."""
