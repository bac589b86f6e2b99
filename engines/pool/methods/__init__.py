"""Pooling plugins: one file per method, found by its name.

A plugin has `pool(frames)`, (F, D) to (D,) float32, and `VERSION`, which is raised whenever its
vectors change.
"""
