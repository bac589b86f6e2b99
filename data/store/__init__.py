"""The store: where bytes lie, how they are written, and who may write."""
