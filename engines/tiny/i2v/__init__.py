"""A small image-to-video pipeline: its training set, and the scripts that train it."""
