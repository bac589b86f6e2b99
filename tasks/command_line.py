"""Command lines that people are told to type next."""

import shlex


def join_command(*words: str, root: str | None) -> str:
    """The command of these words; on the store at `root`, unless that is the one found anyway."""
    return shlex.join(["reelflow", *words, *(("--root", root) if root else ())])
