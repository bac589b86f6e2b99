"""Image, weight and box helpers that the evaluation models share."""
