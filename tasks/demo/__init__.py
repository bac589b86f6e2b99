"""The demo: a made corpus through the whole pipeline."""
