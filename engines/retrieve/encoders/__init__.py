"""Encoders of sentences, one file each.

`Encoder(spec)` has `load()` and `encode(texts)`, (n, dim) float32 as the model gives them.
"""
