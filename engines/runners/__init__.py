"""Ways of spreading an engine over workers; the in-process one defines what is right."""
