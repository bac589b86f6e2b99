"""Running out of memory is told by the type of the error, wherever it comes from."""

import errno
import subprocess
import sys

import numpy as np
import pytest
import torch

from engines.memory import is_out_of_memory


def raised_by(call):
    with pytest.raises(Exception) as caught:
        call()
    return caught.value


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        raised_by(lambda: np.empty(1 << 50)),
        raised_by(lambda: torch.empty(1 << 45)),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ],
)
def test_what_is_out_of_memory(error):
    assert is_out_of_memory(error)


class OutOfMemoryError(Exception):
    """Somebody else's, of the same name."""


@pytest.mark.parametrize(
    "error",
    [OutOfMemoryError(), OSError(errno.ENOSPC, "disk"), RuntimeError("shapes"), ValueError("x")],
)
def test_what_is_not(error):
    assert not is_out_of_memory(error)


def test_an_error_is_told_without_loading_torch():
    ask = (
        "import sys; from engines.memory import is_out_of_memory;"
        "assert is_out_of_memory(MemoryError()) and not is_out_of_memory(RuntimeError());"
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", ask], check=True)
