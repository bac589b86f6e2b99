"""Errors that tell the user what to do."""


class UserError(Exception):
    """Something the user can mend; the message says how. Shown as one line, without a traceback."""
