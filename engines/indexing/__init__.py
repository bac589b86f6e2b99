"""What the index plugins share: batches of vectors, version folders, tuning and growth."""
