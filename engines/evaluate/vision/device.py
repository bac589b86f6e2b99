"""Where models run, and exactly: the same video gives the same figures."""

from collections.abc import Iterator
from contextlib import contextmanager


def device() -> str:
    """`cuda` where there is a GPU, else `cpu`."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


@contextmanager
def exactly() -> Iterator[None]:
    """Single precision is meant as such (no TF32), and kernels are not chosen by a race."""
    import torch

    flags = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )
    with torch.inference_mode(), flags:
        yield
