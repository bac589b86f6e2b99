"""The device that models run on, and a context for deterministic inference."""

from collections.abc import Iterator
from contextlib import contextmanager


def pick_device() -> str:
    """`cuda` if there is a GPU, else `cpu`."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def limit_threads() -> None:
    """Makes torch compute on one CPU thread."""
    import torch

    # The last bits of a sum depend on how many threads share it.
    torch.set_num_threads(1)


@contextmanager
def deterministic_inference() -> Iterator[None]:
    """Full float32 precision and fixed kernels: the same video gets the same scores each time."""
    import torch

    # TF32 keeps 10 bits of mantissa, and `benchmark` picks kernels by timing them.
    flags = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )
    with torch.inference_mode(), flags:
        yield
