"""The Ray runner: a pool of actors, their start-up, and their logs."""
