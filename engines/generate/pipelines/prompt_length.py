"""Prompts that a model would not read to their end."""

from typing import Any


def cut(tokenizer: Any, most: int, text: str) -> str | None:
    """Why a prompt is not read to its end: how long it is, and after what it would be cut.

    `most` is how many tokens are read, with the special ones around the prompt.
    """
    tokens = tokenizer(text, verbose=False).input_ids
    if len(tokens) <= most:
        return None
    around = tokenizer.num_special_tokens_to_add()
    read = tokenizer.decode(tokens[: most - 1], skip_special_tokens=True).strip()
    return (
        f"the prompt has {len(tokens) - around} tokens and the model reads {most - around}: it"
        f" would be cut after {read[-40:]!r}; shorten it"
    )
