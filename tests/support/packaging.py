"""What `deployments/` ships, read as those read it who run it."""

import re
from importlib.util import find_spec
from typing import Any

import yaml
from pydantic import AliasChoices
from pydantic_settings import BaseSettings

from support.paths import REPOSITORY

ROOT = REPOSITORY
DEPLOYMENTS = ROOT / "deployments"
GIVEN = {"POSTGRES_PASSWORD": "p" * 16, "REDIS_PASSWORD": "r" * 16, "RAY_AUTH_TOKEN": "t" * 64}
VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::(?P<kind>[-?])(?P<text>[^}]*))?\}")


def documents(file: str) -> list[dict[str, Any]]:
    """The documents of a YAML file."""
    return list(yaml.safe_load_all((DEPLOYMENTS / file).read_text()))


def compose(file: str = "compose.yaml", **environment: str) -> dict[str, Any]:
    """A compose file with its variables filled in; a KeyError where one is needed and not given."""
    return _filled(documents(file)[0], GIVEN | environment)


def reaching_s3() -> set[str]:
    """Every variable that reelflow reads, or says to set, where a store is on S3.

    But for AWS_PROFILE, which names a part of a file of the user's.
    """
    code, page = ROOT / "data/store/s3.py", (ROOT / "docs/operations.md").read_text()
    section = page.split("## Object storage", 1)[1].split("\n## ", 1)[0]
    return set(re.findall(r"\bAWS_\w+", code.read_text() + section)) - {"AWS_PROFILE"}


def environment(file: str) -> dict[str, str]:
    """The variables of an env file, by the rules that compose, kustomize and sh agree on."""
    lines = (DEPLOYMENTS / file).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def locked(file: str) -> dict[str, str]:
    """The packages of a lock file and their versions."""
    found = re.findall(r"^([\w.-]+)==([^\s;\\]+)", (ROOT / file).read_text(), flags=re.MULTILINE)
    return dict(found)


def prefects_variables() -> set[str]:
    """Every environment variable that Prefect reads."""
    from prefect.settings import Settings

    return {name.upper() for name in _read_by(Settings)}


def understands(command: list[str]) -> None:
    """Raises where the program does not know the command or one of its options."""
    program, *words = command
    {"ray": _ray, "prefect": _prefect, "python": _python}[program](words)


def _python(words: list[str]) -> None:
    flag, module, *_ = words
    assert flag == "-m" and find_spec(module), module


def _ray(words: list[str]) -> None:
    from ray.scripts.scripts import cli

    with cli.make_context("ray", list(words)) as group:
        name, command, rest = cli.resolve_command(group, list(words))
        command.make_context(name, rest, parent=group).close()


def _prefect(words: list[str]) -> None:
    from prefect.cli._app import _app

    asked = [word for word in words if word != "--no-prompt"]  # an option of the whole program
    _app.parse_args(asked, exit_on_error=False, print_error=False)


def _read_by(settings: type[BaseSettings]) -> set[str]:
    names: set[str] = set()
    for name, field in settings.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseSettings):
            names |= _read_by(inner)
        elif isinstance(field.validation_alias, AliasChoices):
            names |= {c for c in field.validation_alias.choices if isinstance(c, str)}
        else:
            names.add(settings.model_config.get("env_prefix", "") + name)
    return names


def _filled(part: Any, given: dict[str, str]) -> Any:
    if isinstance(part, dict):
        return {name: _filled(value, given) for name, value in part.items()}
    if isinstance(part, list):
        return [_filled(value, given) for value in part]
    return VARIABLE.sub(lambda m: _value(m, given), part) if isinstance(part, str) else part


def _value(found: re.Match[str], given: dict[str, str]) -> str:
    if found["kind"] == "-":
        return given.get(found["name"], found["text"])
    return given[found["name"]]
