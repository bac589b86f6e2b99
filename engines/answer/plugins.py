"""Loads the plugins of the answer stage, and checks what a layout's reader gives."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any

from data.runs.questions import LETTERS, Question
from engines.base import list_plugins, load_plugin


def load_model(name: str) -> ModuleType:
    """The module of a model that answers; a UserError with those that there are."""
    return load_plugin("answer.models", name)


def list_layouts() -> list[str]:
    """The layouts of questions, as `--layout` takes them."""
    return [name.replace("_", "-") for name in list_plugins("answer.layouts")]


def read_questions(layout: str, rows: Sequence[Mapping[str, Any]]) -> list[Question]:
    """The questions of a file's rows, each with an id of its own and a defect where it has one."""
    reader = load_plugin("answer.layouts", layout.replace("-", "_"))
    seen = Counter[str]()
    return [_name_apart(_check_options(question), seen) for question in reader.read_questions(rows)]


def _check_options(question: Question) -> Question:
    count, defect = len(question.options), ""
    if count > len(LETTERS):
        defect = f"{count:,} options: at most {len(LETTERS)} have a letter"
    elif count == 1:
        defect = "one option is no choice"
    elif not all(question.options):
        defect = "an option is empty"
    return replace(question, defect=defect) if defect and not question.defect else question


def _name_apart(question: Question, seen: Counter[str]) -> Question:
    """The question, with a number after its id where another one has that id already."""
    seen[question.id] += 1
    if seen[question.id] == 1:
        return question
    while (id := f"{question.id}#{seen[question.id]}") in seen:  # a file may have that id too
        seen[question.id] += 1
    seen[id] += 1
    note = "; ".join(filter(None, (question.note, f"another question is named {question.id}")))
    return replace(question, id=id, note=note)
