"""Talking shapes: long videos with drawn text and spoken sentences, and questions about them."""
