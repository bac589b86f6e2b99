"""Refinement: generated clips corrupted and restored again and again, window by window."""
