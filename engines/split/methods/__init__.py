"""Ways to find the cuts of a video: one file each, found by its name."""
