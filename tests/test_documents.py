"""README and docs name commands, options, paths and folders that exist."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
from support import packaging
from support.paths import REPOSITORY as ROOT

from flows.cli import main

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PROGRAMS = ("reelflow ", "prefect ", "ray ")
FLOORS = ("data", "engines", "tasks", "flows")


def find_commands(page: Path) -> Iterator[str]:
    """Every command of ours, of Prefect and of Ray in the page's code blocks, with its options."""
    for block in re.findall(r"^```\w*\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE):
        for line in block.replace("\\\n", " ").splitlines():
            for part in re.split(r"\s#\s|\s{3,}|&&|\|(?!\|)", line):
                if part.strip().startswith(PROGRAMS):
                    yield part.strip(" &")


COMMANDS = [(page.name, command) for page in PAGES for command in find_commands(page)]


@pytest.fixture(scope="module")
def known():
    main.register_commands()
    return typer.main.get_command(main.app)


@pytest.mark.parametrize(("page", "typed"), COMMANDS, ids=[f"{p}: {c}" for p, c in COMMANDS])
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
    used = {word.split("=")[0] for word in words if re.match(r"--?[a-z]", word)}
    assert used <= options


def test_the_pages_have_commands() -> None:
    assert len(COMMANDS) > 40


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_path_that_a_page_names_exists(page: Path) -> None:
    folders = "|".join((*FLOORS, "tests", "deployments", "docs"))
    named = re.findall(rf"(?<![\w/.-])(?:{folders})/[\w./-]*\w", page.read_text())
    modules = re.findall(rf"(?<= -m )(?:{'|'.join(FLOORS)})[\w.]+", page.read_text())
    named += [f"{module.replace('.', '/')}.py" for module in modules]
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_link_leads_to_a_file_and_to_a_heading_of_it(page: Path) -> None:
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)", page.read_text()):
        file = page.parent / target if target else page
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings}


def read_tree() -> Iterator[str]:
    """The folders in README's tree, by their paths."""
    [block] = re.findall(r"^```\n(data/.*?)^```", (ROOT / "README.md").read_text(), re.M | re.S)
    parents: list[str] = []
    for line in block.splitlines():
        names = re.match(r"((?:[\w-]+/ ?)+)", line.lstrip())
        assert names, line
        depth = (len(line) - len(line.lstrip())) // 2
        paths = ["/".join([*parents[:depth], name.strip("/")]) for name in names[1].split()]
        parents = [*parents[:depth], paths[0].rpartition("/")[2]]
        yield from paths


def test_the_tree_in_the_readme_has_the_folders_that_there_are() -> None:
    tree = list(read_tree())
    assert [path for path in tree if not (ROOT / path).is_dir()] == []
    folders = {
        str(file.parent.relative_to(ROOT))
        for floor in FLOORS
        for file in (ROOT / floor).glob("*/*.py")
    }
    assert folders - set(tree) == set()
