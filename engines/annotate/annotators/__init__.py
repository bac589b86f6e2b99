"""Annotators, one file each: what was said, written or seen in a video.

`Annotator(spec)` has `load(setup)` and `annotate(videos, guard)`, an outcome for each video.
"""
