"""Prefect's skin: one task per unit of retry."""
