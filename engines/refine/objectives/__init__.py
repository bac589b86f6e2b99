"""How each refiner is trained, one a file: its network, its loss, and what it restores."""
