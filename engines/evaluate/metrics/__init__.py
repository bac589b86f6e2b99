"""Metric plugins: one file per metric, loaded by file name.

A metric module has `VERSION`, `LABEL`, `MODELS` and a class `Metric`.
"""
