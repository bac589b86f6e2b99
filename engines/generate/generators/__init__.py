"""Generator plugins: one file per way to make a video, found by its name."""
