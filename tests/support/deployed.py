"""What `prefect deploy --all` left on a server, as text that is read when it changes.

After `reelflow up`, `python tests/support/deployed.py http://127.0.0.1:4200/api` writes it anew.
"""

import json
import sys
from typing import Any

from support.paths import TESTS
from support.running import asked

FILE = TESTS / "flows" / "deployments.json"
SAID = ("entrypoint", "description", "tags", "parameters", "work_pool_name", "work_queue_name")


def deployed(api: str) -> dict[str, Any]:
    """Each deployment by name, and the types that its parameters have, field by field."""
    found = asked(f"{api}/deployments/filter", {"limit": 200, "sort": "NAME_ASC"})
    types: dict[str, Any] = {}
    for each in found:
        known = each["parameter_openapi_schema"].get("definitions", {})
        for name, schema in known.items():
            fields = _fields(schema, known)
            assert types.setdefault(name, fields) == fields, f"two types are called {name}"
    return {
        "deployments": {each["name"]: _deployment(each) for each in found},
        "types": dict(sorted(types.items())),
    }


def _deployment(said: dict[str, Any]) -> dict[str, Any]:
    limit, schedules = said["global_concurrency_limit"], said["schedules"]
    return {
        **{name: said[name] for name in SAID},
        "one_at_a_time": None if limit is None else [limit["limit"], said["concurrency_options"]],
        "schedules": [
            {"active": each["active"], "slug": each["slug"], **each["schedule"]}
            for each in schedules
        ],
        "enforced": said["enforce_parameter_schema"],
        "form": _fields(said["parameter_openapi_schema"]),
    }


def _fields(schema: dict[str, Any], types: dict[str, Any] | None = None) -> dict[str, str]:
    """By field: its type, and its default unless one must be given."""
    known = schema.get("definitions", types or {})
    required = schema.get("required", [])
    return {
        name: _type(field) + ("" if name in required else f" = {_default(field, known)}")
        for name, field in schema["properties"].items()
    }


def _type(field: dict[str, Any]) -> str:
    """As "string | null", "integer >= 1" or "fp32, bf16"; a spec by its name."""
    if "anyOf" in field:
        return " | ".join(map(_type, field["anyOf"]))
    if "allOf" in field:
        return _type(field["allOf"][0])
    if "$ref" in field:
        return str(field["$ref"]).rsplit("/", 1)[-1]
    if "enum" in field:
        return "one of " + ", ".join(map(str, field["enum"]))
    if "const" in field:
        return f"only {field['const']}"
    words = [field.get("type", "any")]
    if words == ["array"]:
        words = [f"list of {_type(field['items'])}"]
    signs = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
    words += [f"{sign} {field[name]}" for name, sign in signs.items() if name in field]
    return " ".join(words)


def _default(field: dict[str, Any], types: dict[str, Any]) -> str:
    """As JSON; of a spec only what is not the default of its type."""
    default = field.get("default")
    if isinstance(default, dict) and (type_ := types.get(_type(field))):
        own = {name: each.get("default") for name, each in type_["properties"].items()}
        default = {name: value for name, value in default.items() if value != own[name]}
    return json.dumps(default, sort_keys=True)


def as_text(said: dict[str, Any]) -> str:
    """A line for each thing said, as in the file."""
    return json.dumps(said, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(as_text(deployed(sys.argv[1])))
