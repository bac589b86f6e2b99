"""Annotators, one file each: what was said, written or seen in a video.

`Annotator(spec)` has `load(threads)` and `annotate(videos, guard)`, an outcome for each video.
"""
