"""RAGME (arXiv 2504.06672): the controller, RagInit, and the published file formats."""
