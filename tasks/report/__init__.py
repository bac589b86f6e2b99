"""Pages written from what runs left in the store."""
