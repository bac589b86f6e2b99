"""Features of clips that distances are taken of, one extractor a file."""
