"""Finds prompts that a model would truncate."""

from typing import Any


def explain_truncation(tokenizer: Any, limit: int, text: str) -> str | None:
    """How long a prompt is and after what it would be cut; None if it is read whole.

    `limit` is how many tokens are read, with the special ones around the prompt.
    """
    tokens = tokenizer(text, verbose=False).input_ids
    if len(tokens) <= limit:
        return None
    special = tokenizer.num_special_tokens_to_add()
    read = tokenizer.decode(tokens[: limit - 1], skip_special_tokens=True).strip()
    # "N tokens" is what the engine tells a prompt that is too long by.
    return (
        f"the prompt has {len(tokens) - special} tokens and the model reads {limit - special}: it"
        f" would be cut after {read[-40:]!r}; shorten it"
    )
