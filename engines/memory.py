"""Tells whether an error means that memory ran out."""

import errno
import sys

# Errors of torch's CPU allocator and of CUDA's libraries have no type of their own.
NAMELESS = ("DefaultCPUAllocator", "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED")
CUDA_OUT_OF_MEMORY = 2  # cudaErrorMemoryAllocation


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out: the machine's, or a GPU's where torch is loaded."""
    if isinstance(error, MemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    # Not imported: an error can be torch's only where torch is loaded.
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(error, RuntimeError):
        return False
    if isinstance(error, torch.AcceleratorError):
        return getattr(error, "error_code", None) == CUDA_OUT_OF_MEMORY
    return isinstance(error, torch.OutOfMemoryError) or any(n in str(error) for n in NAMELESS)
