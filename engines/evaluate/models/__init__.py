"""Model plugins that metrics share: one file per model, found by its name."""
