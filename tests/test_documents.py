"""What README and docs tell people to type is there to be typed."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
from support import packaging

from flows.cli import main

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands(page: Path) -> Iterator[str]:
    """Every command of ours, of Prefect and of Ray in the page's code blocks, with its options."""
    for block in re.findall(r"^```\w*\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE):
        for line in block.replace("\\\n", " ").splitlines():
            for part in re.split(r"\s#\s|\s{3,}|&&|\|(?!\|)", line):
                if part.strip().startswith(("reelflow ", "prefect ", "ray ")):
                    yield part.strip(" &")


TYPED = [(page.name, command) for page in PAGES for command in commands(page)]


@pytest.fixture(scope="module")
def known():
    main.register_commands()
    return typer.main.get_command(main.app)


@pytest.mark.parametrize(("page", "typed"), TYPED, ids=[f"{p}: {c}" for p, c in TYPED])
def test_a_command_and_its_options_exist(known, page: str, typed: str) -> None:
    program, *words = shlex.split(typed.replace("[", "").replace("]", "").replace("…", ""))
    if program != "reelflow":
        return packaging.understands([program, *words])
    command = known
    while hasattr(command, "commands"):
        name = words.pop(0)
        assert name in command.commands, f"no command {name}"
        command = command.commands[name]
    options = {name for parameter in command.params for name in parameter.opts} | {"--help"}
    options |= {name for parameter in command.params for name in parameter.secondary_opts}
    said = {word.split("=")[0] for word in words if re.match(r"--?[a-z]", word)}
    assert said <= options


def test_there_is_something_to_type() -> None:
    assert len(TYPED) > 40
