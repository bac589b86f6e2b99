"""Embedding runs: shards, backfills, canary and maintenance."""
