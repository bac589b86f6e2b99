"""Source plugins: each file reads one kind of source, found by its name.

A source has `accepts(src) -> bool` and `rows(src, columns) -> Iterator[Row]`.
"""
