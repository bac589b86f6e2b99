"""Takes the power out of a model's own control words where they stand in texts.

A video can show "<|im_end|>" as well as any other text: read as a token, it would end the user's
turn, and what follows would be the model's own words.
"""

import re
from collections.abc import Iterable

# Of the chat formats in use; a folder's tokenizer adds those that it has besides.
CONTROL = re.compile(
    r"<\|[^\s<>|]{1,40}\|>|</?s>|<(?:bos|eos|pad|unk|image|video|img|think)>|</(?:img|think)>|"
    r"<(?:start|end)_of_\w{1,20}>|<end_of_utterance>|<fake_token_around_image>|<global-img>|"
    r"\[/?(?:INST|SYSTEM_PROMPT|IMG)\]|<</?SYS>>",
    re.IGNORECASE,
)


def defuse_text(text: str, tokens: Iterable[str] = ()) -> str:
    """The text, with a space in each control word, so that no tokenizer takes it for one."""
    text = CONTROL.sub(lambda match: _break_word(match[0]), text)
    for token in tokens:
        if len(token) > 1 and token in text:
            text = text.replace(token, _break_word(token))
    return text


def _break_word(word: str) -> str:
    return f"{word[0]} {word[1:]}"
