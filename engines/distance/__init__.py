"""How far two sets of clips are apart: features, their moments, Fréchet and kernel distances."""
