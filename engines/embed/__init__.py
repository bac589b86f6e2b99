"""Models that embed images and text into one space; each file here is one engine."""
