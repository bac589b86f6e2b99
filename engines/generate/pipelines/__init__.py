"""Base models in diffusers' folder layout: checking, loading and calling them."""
