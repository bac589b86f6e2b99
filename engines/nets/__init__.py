"""Networks in torch: the only folder that imports it at the top, so import it inside functions."""
