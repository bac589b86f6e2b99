"""Generators of videos; each file here is one."""
