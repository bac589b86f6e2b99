"""Files that a block writes, which are there whole at its end or not at all."""

from contextlib import ExitStack
from types import TracebackType
from typing import Self


class WholeFiles:
    """A writer that is opened in a `with` block; what it enters into `files` ends with the block.

    Where the block fails, each of them is dropped.
    """

    def __init__(self) -> None:
        self.files = ExitStack()

    def finish(self) -> None:
        """Writes what has waited for the end; nothing by default."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        if error is None:
            with self.files:
                self.finish()
        else:
            self.files.__exit__(kind, error, trace)
