"""The memory that Python takes during a call, traced in a process of its own.

In Python 3.11 a thread that ends while tracing stops takes its process with it: a worker of the
tests, with the threads of Prefect and Ray in it, died of that.
"""

import inspect
import multiprocessing
import runpy
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor


def trace_peak(function: Callable, *args: object) -> int:
    """Bytes that Python held at most during the call, without what its first call imports.

    The function is a file's own: the process runs the file, and finds it by its name.
    """
    file = inspect.getfile(function)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_trace, file, function.__name__, *args).result()


def _trace(file: str, name: str, *args: object) -> int:
    function = runpy.run_path(file)[name]
    function(*args)
    tracemalloc.start()
    function(*args)
    return tracemalloc.get_traced_memory()[1]
