"""Builds, opens and searches indexes of pooled vectors; `kinds/` has the plugins."""
