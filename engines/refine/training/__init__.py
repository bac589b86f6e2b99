"""Training of refiners: windows of real clips, corruptions, losses, and the trainer."""
