"""Measures how the code is worded, for `make lint`: `python tests/measure_words.py [--list]`.

Read are the Python files of data, engines, tasks and flows, and of each all functions: methods,
properties, nested and private ones too, but no dunders (their names are Python's). Of a name the
underscores at both ends do not count. It is

- one word where no underscore is left in it (`_kept`, `search`),
- a bare participle where that word is a past participle: one that ends in -ed, but for words as
  `embed`; or an irregular one, but for those that are the verb itself, as `read` or `put`.

A comment is a line that ends in one or consists of one; directives to tools (`# noqa`, `# fmt:`,
`# type:`) say nothing to a reader and are none. Lines are all lines, blank ones included.

Ends with 1 where a figure misses its limit; `--list` names the functions behind the first two.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
LAYERS = ("data", "engines", "tasks", "flows")
ONE_WORD = 0.40
PARTICIPLES = 0.01
COMMENTS = (0.03, 0.06)

DIRECTIVE = re.compile(r"#+\s*(noqa|fmt:|type:|ruff:|mypy:|pragma|!)")
NO_PARTICIPLE = """
    bed bleed breed deed embed exceed feed heed hundred indeed need proceed red reed seed
    shed shred sled speed succeed weed wed
"""
IRREGULAR = """
    arisen awoken begun bent bitten blown borne born bought bound broken brought built burnt caught
    chosen clung crept dealt done drawn driven drunk dug eaten fallen felt flown forgotten
    fought found frozen given gone got gotten grown had heard held hidden hung kept knelt known
    laid learnt left lent lit lost made meant met mistaken paid proven ridden risen rung said
    seen sent sewn shaken shone shot shown shrunk slept slid sold sought spent spoken sprung spun
    stolen stood struck stuck sung sunk sworn swum taken taught told thought thrown torn understood
    undone withdrawn withheld woken won worn wound woven written
"""


@dataclass
class Measure:
    """What was counted; functions are named as `path:line name`."""

    functions: int = 0
    lines: int = 0
    comments: int = 0
    one_word: list[str] = field(default_factory=list)
    participles: list[str] = field(default_factory=list)

    def figures(self) -> list[tuple[str, float, float, float]]:
        """Each figure's name, its value, and the least and the most that it may be."""
        functions, lines = max(1, self.functions), max(1, self.lines)
        return [
            ("one-word function names", len(self.one_word) / functions, 0, ONE_WORD),
            ("bare participles", len(self.participles) / functions, 0, PARTICIPLES),
            ("comments", self.comments / lines, *COMMENTS),
        ]


def is_participle(word: str) -> bool:
    """Whether a word is a past participle and not also the verb itself."""
    if word.endswith("ed"):
        return word not in NO_PARTICIPLE.split()
    return word in IRREGULAR.split()


def measure(root: Path = ROOT) -> Measure:
    """Counts over the four folders below a root."""
    total = Measure()
    for file in (file for layer in LAYERS for file in sorted((root / layer).rglob("*.py"))):
        text = file.read_text()
        total.lines += len(text.splitlines())
        total.comments += sum(1 for _ in _comments(text))
        for function in _functions(text):
            where = f"{file.relative_to(root)}:{function.lineno} {function.name}"
            word = function.name.strip("_")
            total.functions += 1
            if "_" not in word:
                total.one_word.append(where)
                if is_participle(word):
                    total.participles.append(where)
    return total


def _functions(text: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if not (node.name.startswith("__") and node.name.endswith("__")):
            yield node


def _comments(text: str) -> Iterator[str]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and not DIRECTIVE.match(token.string):
            yield token.string


def main(*options: str, root: Path = ROOT) -> int:
    """Prints the three figures; 1 where one misses its limit."""
    total, missed = measure(root), False
    for name, value, least, most in total.figures():
        wrong = not least <= value <= most
        limits = f"at most {most:.0%}" if not least else f"{least:.0%} to {most:.0%}"
        print(f"{name}: {value:.1%} ({limits}){': missed' if wrong else ''}")
        missed |= wrong
    if "--list" in options:
        print(*total.one_word, sep="\n")
    elif len(total.participles) / max(1, total.functions) > PARTICIPLES:
        print(*total.participles, sep="\n")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
