"""Moved to `engines/device.py`."""

from engines.device import deterministic_inference as deterministic_inference
from engines.device import limit_threads as limit_threads
from engines.device import pick_device as pick_device
