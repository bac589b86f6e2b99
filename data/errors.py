"""Errors that tell the user what to do."""


class UserError(Exception):
    """An error that the user can fix: the message says how.

    Commands show it as one line, without a traceback; tasks that raise it are not retried.
    """
