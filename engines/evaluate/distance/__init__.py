"""Distances between sets of videos (FVD, KVD) and their noise floor."""
