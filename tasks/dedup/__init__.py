"""The dedup stage: pairs of near-duplicates by shards, then groups of them."""
