"""Pipelines that diffusers saved: found, checked and loaded without running code of theirs."""
