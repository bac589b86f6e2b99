"""Verbs: decode, embed, pool, index, search; and the runners that spread them over workers."""
