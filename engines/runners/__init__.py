"""Ways to spread an engine over workers; the in-process one is the reference."""
