"""Key mapping: renames a published checkpoint's keys to those of the library that runs it."""

import re
from collections.abc import Iterable, Mapping
from typing import TypeVar

KeyMapping = tuple[tuple[str, str], ...]
Weight = TypeVar("Weight")


def rename_keys(weights: Mapping[str, Weight], rules: KeyMapping) -> dict[str, Weight]:
    """The weights by new names: every rule (pattern, replacement) is applied, in order."""
    return {_rename_key(name, rules): value for name, value in weights.items()}


def _rename_key(name: str, rules: KeyMapping) -> str:
    # In order and cumulatively: later patterns match what earlier ones have written.
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    return name


def count_children(names: Iterable[str], prefix: str) -> int:
    """The number of direct children of a prefix that ends in a dot: the depth of a stack."""
    return len({name[len(prefix) :].split(".")[0] for name in names if name.startswith(prefix)})
