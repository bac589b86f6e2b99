"""The memory limit of a decoder process."""

import os
from pathlib import Path


def limit_memory(gigabytes: float) -> None:
    """Makes allocation fail at so much more than is in use now: a bomb fails its video only.

    What the imports use is not counted: 0.1 GB for PyAV, 0.8 GB with torch.
    """
    import resource

    # Not RLIMIT_AS: torch maps gigabytes of libraries that it never touches.
    bounded = gigabytes != float("inf")
    limit = _data_bytes_in_use() + int(gigabytes * 2**30) if bounded else resource.RLIM_INFINITY
    resource.setrlimit(resource.RLIMIT_DATA, (limit, resource.RLIM_INFINITY))


def _data_bytes_in_use() -> int:
    try:
        pages = Path("/proc/self/statm").read_text().split()[5]
    except FileNotFoundError:  # no /proc, as on macOS: more than the imports use anywhere
        return 1 << 30
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
