"""Untrusted text as it is shown: whatever a terminal, a log or a page would obey is made visible.

Ids, captions, paths, a server's words and exceptions come from elsewhere. A control character in
them could clear a screen or hide a link, a bidi override turn a name around.
"""

import json
import logging
import re
import traceback
from typing import Any
from unicodedata import category

from data.secrets import strip_secrets

BLANKS = "\u115f\u1160\u2800\u3164\uffa0"  # letters by name, that show nothing
LINES = "\n\t"
MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~!&])")


def show_text(text: str, lines: bool = False) -> str:
    """The text with invisible characters as `\\x1b` and the like, and without secrets.

    Letters, marks, signs and spaces of every script stay. With `lines`, so do its line ends.
    """
    text = strip_secrets(text)
    if text.isprintable() and not any(blank in text for blank in BLANKS):
        return text
    return "".join(
        each if _is_visible(each) or (lines and each in LINES) else escape_character(each)
        for each in text
    )


def escape_character(character: str) -> str:
    """A character by its number, as Python writes it."""
    number = ord(character)
    if number <= 0xFF:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"


def show_json(value: Any) -> str:
    """JSON of one line: what is not visible is escaped, and reads back as the same value."""
    text = json.dumps(value, ensure_ascii=False)
    if text.isprintable():
        return text
    return "".join(each if _is_visible(each) else json.dumps(each)[1:-1] for each in text)


def show_markdown(text: str) -> str:
    """The text as Markdown that shows it and does nothing else."""
    return MARKDOWN.sub(r"\\\1", show_text(text)).replace("\\<", "&lt;").replace("\\&", "&amp;")


def guard_logs() -> None:
    """Makes every line that this process logs from now on visible text, and its tracebacks."""
    logging.setLogRecordFactory(_VisibleRecord)


class _VisibleRecord(logging.LogRecord):
    """A log record whose message and traceback are shown as untrusted text."""

    def __init__(self, *fields: Any, **more: Any) -> None:
        super().__init__(*fields, **more)
        if self.exc_info and self.exc_info[1] is not None:
            lines = "".join(traceback.format_exception(self.exc_info[1])).rstrip()
            self.exc_text = show_text(lines, lines=True)

    def getMessage(self) -> str:
        return show_text(super().getMessage(), lines=True)


def _is_visible(character: str) -> bool:
    shown = character.isprintable() or category(character) == "Zs"
    return shown and character not in BLANKS
