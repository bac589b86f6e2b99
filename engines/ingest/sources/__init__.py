"""Source plugins: each file reads one kind of source, found by its name.

A plugin has `accepts(source, policy) -> bool`, asked in the order of the plugins' names, and
`read_rows(source, columns, policy) -> Iterator[Row]`; `policy` limits the URLs they may open.
"""
