"""What runs of generation and evaluation leave in the store."""
