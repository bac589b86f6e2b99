"""What runs of generation, evaluation and backfill leave in the store."""
