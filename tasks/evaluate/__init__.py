"""Evaluation runs: what to measure, one shard, and the aggregate of all."""
