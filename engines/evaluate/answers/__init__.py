"""Judges answers to questions: parsers, accuracies with intervals, differences, published files."""
