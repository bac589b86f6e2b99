"""Runs autofaiss as a library: nothing printed, no logging set up, its warnings collected."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from types import ModuleType
from typing import Any

_process_lock = threading.RLock()  # what is patched below belongs to the whole process


class _WarningCollector(logging.Handler):
    """Collects messages at warning level or above."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@contextmanager
def patch_autofaiss(factory: Callable[..., Any]) -> Iterator[list[str]]:
    """Within the block, autofaiss makes empty indexes by `factory`; yields its warnings."""
    import embedding_reader.numpy_reader as reader
    import faiss
    from autofaiss.external import quantize
    from autofaiss.indices import training

    with _process_lock, ExitStack() as undo:
        # Its own set-up closes every log handler of the process and adds one to the root logger.
        undo.enter_context(_swap_attribute(quantize, "setup_logging", lambda level: None))
        undo.enter_context(_swap_attribute(training, "index_factory", factory))
        undo.enter_context(_swap_attribute(reader, "tqdm", partial(reader.tqdm, disable=True)))
        # Its thread count outlives the call.
        undo.callback(faiss.omp_set_num_threads, faiss.omp_get_max_threads())
        yield undo.enter_context(_collect_warnings(logging.getLogger("autofaiss")))


@contextmanager
def _swap_attribute(module: ModuleType, name: str, value: Any) -> Iterator[None]:
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


@contextmanager
def _collect_warnings(logger: logging.Logger) -> Iterator[list[str]]:
    collector, propagated = _WarningCollector(), logger.propagate
    logger.addHandler(collector)
    logger.propagate = False
    try:
        yield collector.messages
    finally:
        logger.removeHandler(collector)
        logger.propagate = propagated
