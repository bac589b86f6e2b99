"""Conditions on videos: one expression of nothing but what is listed here.

DuckDB's own parser reads a condition, and its tree is checked node by node: what is not listed is
refused. No function here calls for files, settings or queries, none waits, and none makes a value
much larger than its arguments: DuckDB's memory limit does not apply to single values.
"""

import json
from collections.abc import Collection, Iterator
from typing import Any

import duckdb

from data.errors import UserError

# DuckDB plans much longer texts for minutes, and cannot be interrupted then.
MAX_CHARACTERS = 50_000
MAX_DEPTH = 100  # of brackets within brackets
EXPRESSIONS = {
    "COLUMN_REF", "CONSTANT", "COMPARISON", "CONJUNCTION", "OPERATOR", "BETWEEN", "CASE", "CAST",
    "FUNCTION", "LAMBDA", "TYPE", "COLLATE",
}  # fmt: skip
OPERATORS = {
    "OPERATOR_NOT", "OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL", "OPERATOR_COALESCE",
    "OPERATOR_NULLIF", "COMPARE_IN", "COMPARE_NOT_IN", "ARRAY_EXTRACT", "ARRAY_SLICE",
    "STRUCT_EXTRACT", "OPERATOR_TRY",
}  # fmt: skip
TYPES = {
    "boolean", "bool", "tinyint", "smallint", "integer", "int", "bigint", "hugeint", "utinyint",
    "usmallint", "uinteger", "ubigint", "uhugeint", "float", "real", "double", "decimal",
    "numeric", "varchar", "text", "string", "char", "date", "time", "timestamp", "datetime",
    "timestamptz", "timestamp with time zone", "interval", "json", "uuid", "list",
}  # fmt: skip
FUNCTION_GROUPS = {
    "text": (
        "lower upper lcase ucase trim ltrim rtrim length len strlen char_length character_length"
        " contains starts_with ends_with prefix suffix regexp_matches regexp_full_match"
        " regexp_extract substring substr left right position strpos instr split_part"
        " strip_accents md5 hash"
    ),
    "numbers": (
        "abs round floor ceil ceiling trunc sign sqrt ln log log10 log2 exp pow power mod greatest"
        " least isnan isfinite isinf"
    ),
    "dates": (
        "year month day hour minute second quarter week weekday dayofweek isodow dayofyear dayname"
        " monthname date_part datepart date_trunc datetrunc date_diff datediff date_sub datesub"
        " date_add age epoch epoch_ms strptime try_strptime make_date make_timestamp to_timestamp"
        " now today current_date to_years to_months to_weeks to_days to_hours to_minutes"
        " to_seconds to_milliseconds"
    ),
    "lists": (
        "list_contains array_contains list_has array_has list_has_any list_has_all list_position"
        " list_extract list_filter array_length cardinality element_at map_extract list_value"
        " struct_extract array_extract"
    ),
    "JSON": (
        "json_extract json_extract_string json_exists json_contains json_array_length json_type"
        " json_valid"
    ),
    "others": "coalesce ifnull nullif typeof row",
}
SIGNS = {
    "+", "-", "*", "/", "//", "%", "**", "^", "@", "&", "|", "~~", "!~~", "~~*", "!~~*", "~~~",
    "->", "->>", "like_escape", "ilike_escape", "not_like_escape", "not_ilike_escape",
}  # fmt: skip
FUNCTIONS = {name for names in FUNCTION_GROUPS.values() for name in names.split()} | SIGNS
JSON_FUNCTIONS = {*FUNCTION_GROUPS["JSON"].split(), "->", "->>"}
# Columns that DuckDB makes up where there is none of the name.
CLOCKS = {"current_date", "current_timestamp"}
# Columns that a command makes, and which one.
MISSING_COLUMNS = dict.fromkeys(
    ("duplicate_of", "duplicate_group"), " yet: make it with `reelflow dedup NAME`"
)
PLAIN_SELECT: dict[str, Any] = {
    "modifiers": [], "where_clause": None, "group_expressions": [], "group_sets": [],
    "having": None, "sample": None, "qualify": None,
}  # fmt: skip

Node = dict[str, Any]


def parse_condition(
    connection: duckdb.DuckDBPyConnection, where: str, columns: Collection[str]
) -> duckdb.Expression:
    """The condition as one expression over the columns; a UserError for anything else."""
    if len(where) > MAX_CHARACTERS:
        raise UserError(
            f"a condition has {len(where):,} characters; at most {MAX_CHARACTERS:,} are allowed"
        )
    expression = duckdb.SQLExpression(where.strip() or "(empty)")
    tree = "SELECT json_serialize_sql('SELECT ' || $where::VARCHAR)::VARCHAR"
    parsed = str(connection.execute(tree, {"where": where}).fetchall()[0][0])
    try:
        _check_tree(json.loads(parsed), {name.lower() for name in columns} | CLOCKS)
    except RecursionError:
        raise UserError(f"cannot use {where[:200]!r}: too many brackets") from None
    except _Refused as refusal:
        raise UserError(f"cannot use {where!r}: {refusal}") from None
    return expression


class _Refused(Exception):
    """What a condition has that it must not have."""


def _check_tree(parsed: Node, columns: set[str]) -> None:
    if parsed["error"] or len(parsed["statements"]) != 1:
        raise _Refused("conditions cannot contain a query")
    node = parsed["statements"][0]["node"]
    plain = all(node.get(key) == value for key, value in PLAIN_SELECT.items())
    is_one = node["type"] == "SELECT_NODE" and len(node["select_list"]) == 1
    if not (
        is_one and plain and node["from_table"]["type"] == "EMPTY" and not node["cte_map"]["map"]
    ):
        raise _Refused("conditions cannot contain a query")
    for each, arguments in _list_nodes(node["select_list"][0], frozenset()):
        _check_node(each, columns | arguments, bool(arguments))


def _list_nodes(
    node: Any, arguments: frozenset[str], depth: int = 0
) -> Iterator[tuple[Node, frozenset[str]]]:
    """Every expression of the tree, and the arguments of the lambda in which it stands, if any."""
    if depth > MAX_DEPTH * 4:  # levels of JSON for one of brackets
        raise RecursionError
    if isinstance(node, list):
        for each in node:
            yield from _list_nodes(each, arguments, depth + 1)
    elif isinstance(node, dict):
        if "class" in node:
            yield node, arguments
        if node.get("class") == "LAMBDA":
            inside = arguments | _list_arguments(node)
            return (yield from _list_nodes([node["lhs"], node["expr"]], inside, depth + 1))
        for value in node.values():
            yield from _list_nodes(value, arguments, depth + 1)


def _list_arguments(node: Node) -> frozenset[str]:
    """The names that a lambda gives to its arguments."""
    head = _list_nodes(node["lhs"], frozenset())
    names = (each["column_names"][0] for each, _ in head if each["class"] == "COLUMN_REF")
    return frozenset(name.lower() for name in names)


def _check_node(node: Node, names: set[str], is_in_lambda: bool) -> None:
    kind = node["class"]
    if kind == "SUBQUERY":
        raise _Refused("conditions cannot contain a query")
    if kind not in EXPRESSIONS or (kind == "OPERATOR" and node["type"] not in OPERATORS):
        raise _Refused(f"conditions cannot contain {node['type'].lower()}")
    if kind == "COLUMN_REF" and node["column_names"][0].lower() not in names:
        hint = MISSING_COLUMNS.get(node["column_names"][0].lower(), "")
        raise _Refused(
            f"no column {'.'.join(node['column_names'])}{hint}; there are {_join(names)}"
        )
    if kind == "TYPE" and node["qualified_name"]["path"] != [node["type_name"]]:
        raise _Refused(f"conditions cannot use the type {node['type_name']}")
    if kind == "TYPE" and node["type_name"].lower() not in TYPES:
        raise _Refused(f"conditions cannot use the type {node['type_name']}")
    if kind == "LAMBDA" and is_in_lambda:
        raise _Refused("conditions cannot contain a lambda within a lambda")
    if kind == "FUNCTION":
        _check_function(node, is_in_lambda)


def _check_function(node: Node, is_in_lambda: bool) -> None:
    name = node["function_name"].lower()
    if node["qualified_name"]["path"] != [node["function_name"]] or name not in FUNCTIONS:
        groups = "; ".join(f"{group}: {_join(f.split())}" for group, f in FUNCTION_GROUPS.items())
        raise _Refused(f"conditions cannot call {name}; they can call, on {groups}")
    # Within a lambda, which repeats its argument, a value would double with each level.
    if is_in_lambda and name == "list_value":
        raise _Refused("conditions cannot make a list within a lambda")
    paths = [each["expression"]["class"] for each in node["arguments"][1:]]
    if name in JSON_FUNCTIONS and any(path != "CONSTANT" for path in paths):
        raise _Refused(f"the path of {name} must be a text")  # a list gives the value once a path


def _join(names: Collection[str]) -> str:
    return ", ".join(sorted(names))
