"""Where rows come from: each file here is a kind of source, found by its name.

A source offers `accepts(src) -> bool` and `rows(src, columns) -> Iterator[Row]`.
"""
