"""The `reelflow` command; each file here is a group of its commands."""
