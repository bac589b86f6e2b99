"""Index plugins: each module builds, opens and searches one kind of index."""
