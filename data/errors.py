"""Errors that tell the user what to do."""

from data.visible import show_text


class UserError(Exception):
    """An error that the user can fix: the message says how.

    Commands show it as one line, without a traceback; tasks that raise it are not retried. What it
    quotes, an address or a server's words, is made safe to show.
    """

    def __init__(self, text: object = "") -> None:
        super().__init__(show_text(str(text), lines=True))
