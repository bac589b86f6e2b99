"""The generate stage: its engine, the clips that condition a video, and the generator plugins."""
