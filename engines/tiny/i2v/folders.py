"""Where the scripts write what they train, unless they are told otherwise."""

from pathlib import Path

BASE = Path("var/i2v/base")
RELEASE = Path("var/i2v/release")
