"""Copies its standard input to a log file that never grows beyond a few megabytes.

Run as a program, by its path: it imports nothing but Python's own library.
"""

import logging.handlers
import signal
import sys

BYTES, FILES = 5_000_000, 3  # of a file, and how many older ones are kept beside it


def copy_lines(path: str) -> None:
    """Appends lines of standard input to the file until the input ends; moves a full one aside."""
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=BYTES, backupCount=FILES)
    for line in sys.stdin:
        handler.emit(logging.makeLogRecord({"msg": line.rstrip("\n")}))


if __name__ == "__main__":
    # It ends with its input: signals to the group that writes it would cut off their last lines.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    copy_lines(sys.argv[1])
