"""Moved to `engines/checkpoint.py`."""

from engines.checkpoint import WeightShapes as WeightShapes
from engines.checkpoint import load_weights as load_weights
from engines.checkpoint import read_weights as read_weights
