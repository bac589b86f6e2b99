"""Metric plugins: one file per metric, found by its name.

A metric module has `VERSION`, `LABEL`, `MODELS` and a class `Metric`.
"""
