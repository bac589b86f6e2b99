"""Weights under other names: the published ones to those of the library that runs them."""

import re
from collections.abc import Iterable, Mapping
from typing import TypeVar

Rules = tuple[tuple[str, str], ...]
Weight = TypeVar("Weight")


def renamed(weights: Mapping[str, Weight], rules: Rules) -> dict[str, Weight]:
    """Each name after every rule, a regular expression and what stands in its place, in order."""
    return {_renamed(name, rules): value for name, value in weights.items()}


def _renamed(name: str, rules: Rules) -> str:
    for pattern, by in rules:
        name = re.sub(pattern, by, name)
    return name


def children(names: Iterable[str], prefix: str) -> int:
    """How many numbered parts follow a prefix, which ends in a dot: how deep a stack is."""
    return len({name[len(prefix) :].split(".")[0] for name in names if name.startswith(prefix)})
