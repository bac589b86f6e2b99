"""Specs: the fields that change a result, one file per group of stages."""
