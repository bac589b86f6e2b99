"""Model plugins that metrics share: one file per model, loaded by file name."""
