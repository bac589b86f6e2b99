"""Networks in torch: the one place that imports it at the top, itself imported in functions."""
