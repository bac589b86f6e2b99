"""What reelflow stores, and where. No models, no codecs, no orchestration."""
