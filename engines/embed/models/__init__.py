"""Embedding-model plugins: one file per library, found by its name.

A plugin has `Embedder(spec)` (see engines/embed/engine.py), `VERSION`, which is raised whenever its
vectors change, `prepare(spec, report)`, which fetches the weights once and reports how far it is,
and `digest(spec)`, which identifies them.
"""
