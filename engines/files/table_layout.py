"""One table of a source: its address, and the names of its columns."""

import codecs
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from data.errors import UserError
from engines.files.rows import check_columns, name_columns

_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)


@dataclass(frozen=True, slots=True)
class TableLayout:
    """A table as the user named it and by its absolute address, the columns that are required by
    their names in it, and the columns that its folders' names hold.
    """

    name: str
    location: str
    names: Mapping[str, str]
    partitions: Mapping[str, object]

    def name_columns(self, columns: Sequence[str]) -> list[str]:
        """The columns with names that do not repeat; a UserError where a required one does."""
        return name_columns(columns, self.names, self.name)

    def check_columns(self, columns: Iterable[str]) -> None:
        """Raises a UserError where a required column is missing."""
        check_columns([*columns, *self.partitions], self.names, self.name)

    def check_encoding(self, file: BinaryIO) -> None:
        """Raises a UserError for UTF-16; `file` is at its start, and left there."""
        head = file.read(4)
        file.seek(0)
        zeros = [n for n, byte in enumerate(head) if not byte]
        if head.startswith(_MARKS) or zeros in ([1, 3], [0, 2]):
            raise UserError(f"{self.name} is UTF-16 text: save it as UTF-8")
