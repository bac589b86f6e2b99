"""autofaiss as a library: nothing printed, no logging set up, its errors kept."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from types import ModuleType
from typing import Any

_alone = threading.RLock()  # what is swapped below belongs to the whole process


class _Kept(logging.Handler):
    """Keeps what is said at warning level or above."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


@contextmanager
def autofaiss(factory: Callable[..., Any]) -> Iterator[list[str]]:
    """While it lasts, autofaiss makes empty indexes by `factory`; yields what it warns of.

    Its own set-up closes every log handler of the process and adds one to the root logger, and its
    thread count outlives the call.
    """
    import embedding_reader.numpy_reader as reader
    import faiss
    from autofaiss.external import quantize
    from autofaiss.indices import training

    with _alone, ExitStack() as undo:
        undo.enter_context(_swapped(quantize, "setup_logging", lambda level: None))
        undo.enter_context(_swapped(training, "index_factory", factory))
        undo.enter_context(_swapped(reader, "tqdm", partial(reader.tqdm, disable=True)))
        undo.callback(faiss.omp_set_num_threads, faiss.omp_get_max_threads())
        yield undo.enter_context(_listening(logging.getLogger("autofaiss")))


@contextmanager
def _swapped(module: ModuleType, name: str, value: Any) -> Iterator[None]:
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


@contextmanager
def _listening(logger: logging.Logger) -> Iterator[list[str]]:
    kept, spoke = _Kept(), logger.propagate
    logger.addHandler(kept)
    logger.propagate = False
    try:
        yield kept.said
    finally:
        logger.removeHandler(kept)
        logger.propagate = spoke
