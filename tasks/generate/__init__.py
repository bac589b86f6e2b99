"""Generation runs: requests planned, videos made, and their provenance."""
