"""The store: where files lie, how they are written, and which process may write."""
