"""What a terminal, a log or a page would obey is shown instead."""

import io
import json
import logging

import pytest

from data.errors import UserError
from data.visible import guard_logs, show_json, show_markdown, show_text

HOSTILE = {
    "\x1b[2J\x1b[H": "\\x1b[2J\\x1b[H",
    "\x1b]8;;http://evil/\x07here\x1b]8;;\x07": "\\x1b]8;;http://evil/\\x07here\\x1b]8;;\\x07",
    "\x9b31m": "\\x9b31m",
    "a\rb\x08c\x00": "a\\x0db\\x08c\\x00",
    "one\ntwo\tthree": "one\\x0atwo\\x09three",
    "a\u202egpj.exe": "a\\u202egpj.exe",
    "\u2066x\u2069\u061c": "\\u2066x\\u2069\\u061c",
    "zero\u200bwidth\u200d\ufeff\u2060": "zero\\u200bwidth\\u200d\\ufeff\\u2060",
    "line\u2028end\u2029\x85": "line\\u2028end\\u2029\\x85",
    "tag\U000e0041\ud800\xad": "tag\\U000e0041\\ud800\\xad",
    "blank\u3164": "blank\\u3164",
    "https://me:planted@h/a?sig=planted": "https://h/a",
}
HARMLESS = [
    "a cat",
    "eine Straße – „schön“",
    "猫が　跳ぶ",
    "قطة تقفز",
    "बिल्ली",
    "🦊 fox",
    "e\u0301 \xa0",
]


@pytest.mark.parametrize(("text", "shown"), HOSTILE.items())
def test_what_would_be_obeyed_is_seen(text: str, shown: str) -> None:
    assert show_text(text) == shown
    assert show_text(shown) == shown


@pytest.mark.parametrize("text", HARMLESS)
def test_text_of_every_script_stays(text: str) -> None:
    assert show_text(text) == text


def test_json_reads_back_as_the_same_value() -> None:
    value = {"id": "a\x1b\u202e\x9b\u2028\U000e0041", "caption": "猫 🦊"}
    text = show_json(value)
    assert json.loads(text) == value and text.isprintable() and "猫 🦊" in text


def test_markdown_shows_what_it_is_given() -> None:
    shown = show_markdown("[x](http://evil) <b>*a* | `c` ![i](j)\nnew")
    assert shown == (
        r"\[x\](http://evil) &lt;b\>\*a\* \| \`c\` \!\[i\](j)\\x0anew".replace("\\\\x0a", "\\\\x0a")
    )


def test_errors_logs_and_tracebacks_are_seen_too() -> None:
    before, out = logging.getLogRecordFactory(), io.StringIO()
    log, handler = logging.getLogger("hostile"), logging.StreamHandler(out)
    log.addHandler(handler)
    try:
        guard_logs()
        log.error("of %s", "a\x1b[2J https://h/a?token=planted")
        try:
            raise ValueError("words of a server \x1b]0;x\x07 https://planted@h/")
        except ValueError:
            log.exception("failed")
    finally:
        logging.setLogRecordFactory(before)
        log.removeHandler(handler)
    assert "\x1b" not in out.getvalue() and "planted" not in out.getvalue()
    assert "\\x1b[2J" in out.getvalue() and "words of a server" in out.getvalue()
    assert str(UserError("no \x1b[2J at https://u:planted@h/")) == "no \\x1b[2J at https://h/"
