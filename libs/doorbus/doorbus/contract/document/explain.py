"""Turns pydantic's errors into sentences that name what is allowed, with the help of the document's JSON schema."""

import difflib
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic_core import ErrorDetails

from doorbus.contract.document.door import Door
from doorbus.contract.document.nodes import Node, Scalar, is_secret
from doorbus.contract.document.problems import Path
from doorbus.contract.document.scalars import listed

Schema = dict[str, Any]

_TYPES = {
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must be a mapping",
    "finite_number": "must be a number",
}


@dataclass(frozen=True)
class Explained:
    """An error in words.

    Attributes:
        path: where it is, as the text was written.
        message: what is allowed.
        meant: the field that a misspelt one probably is.
    """

    path: Path
    message: str
    meant: str | None = None


@cache
def _root() -> Schema:
    return Door.model_json_schema(by_alias=True)


def _resolve(schema: Schema) -> Schema:
    while True:
        if "$ref" in schema:
            schema = _root()["$defs"][schema["$ref"].rpartition("/")[2]]
        elif "anyOf" in schema:
            schema = next(each for each in schema["anyOf"] if each.get("type") != "null")
        else:
            return schema


def _members(schema: Schema) -> dict[str, Schema]:
    """The members of a union by tag, in the order in which they are declared."""
    tags = {ref: tag for tag, ref in schema.get("discriminator", {}).get("mapping", {}).items()}
    return {tags[each["$ref"]]: _resolve(each) for each in schema.get("oneOf", ()) if each.get("$ref") in tags}


def _inner(schema: Schema, part: str | int) -> Schema:
    schema = _resolve(schema)
    if isinstance(part, int):
        found = schema.get("items", {})
    else:
        properties = dict(schema.get("properties", {}))
        for member in _members(schema).values():
            properties = {**member["properties"], **properties}
        found = properties.get(part) or schema.get("additionalProperties")
    return found if isinstance(found, dict) else {}


def locate(location: tuple[str | int, ...]) -> tuple[Path, Schema]:
    """Turns pydantic's location, which holds the tags of unions, into a path and the schema of what stands there."""
    path: list[str | int] = []
    schema = _resolve(_root())
    for part in location:
        members = _members(schema)
        if isinstance(part, str) and part in members:
            schema = members[part]
        elif part != "[key]":
            path.append(part)
            schema = _resolve(_inner(schema, part))
    return tuple(path), schema


def wants_date(path: Path) -> bool:
    """Whether the document takes a date at `path`."""
    schema = _resolve(_root())
    for part in path:
        schema = _resolve(_inner(schema, part))
    return schema.get("format") == "date"


def explain(error: ErrorDetails, node: Node | None) -> Explained:
    """Explains one error; `node` is what stands at its place in the text, or None where nothing does."""
    path, schema = locate(error["loc"])
    context = error.get("ctx", {})
    kind = error["type"]
    match kind:
        case "missing":
            return Explained(path, _required(schema))
        case "extra_forbidden":
            return _unknown_field(error["loc"], path)
        case "union_tag_invalid" | "union_tag_not_found":
            tag = str(context["discriminator"]).strip("'")
            return Explained((*path, tag), f"must be one of {listed(_members(schema))}")
        case "literal_error":
            return Explained(path, _one_of(str(context["expected"])) + _quoting(path, node, kind))
        case "model_type" | "model_attributes_type" | "dataclass_type":
            return Explained(path, f"must be a mapping with {listed(schema.get('properties', {}))}")
        case "too_short":
            return Explained(path, f"must have at least {context['min_length']}")
        case "too_long":
            return Explained(path, f"must have at most {context['max_length']}")
        case _ if kind in _TYPES:
            return Explained(path, _TYPES[kind] + _quoting(path, node, kind))
        case _:
            return Explained(path, error["msg"] + _quoting(path, node, kind))


def _one_of(expected: str) -> str:
    values = re.sub(r"\s+or\s+", ", ", expected).replace("'", "")
    return f"must be one of {values}" if "," in values else f"must be {values}"


def _required(schema: Schema) -> str:
    if "enum" in schema:
        return f"is required: one of {listed(schema['enum'])}"
    if "discriminator" in schema or schema.get("properties"):
        return f"is required: a mapping with {listed(schema.get('properties', _members(schema)))}"
    return "is required"


def _unknown_field(location: tuple[str | int, ...], path: Path) -> Explained:
    _, parent = locate(location[:-1])
    allowed = list(parent.get("properties", {}))
    close = difflib.get_close_matches(str(path[-1]), allowed, 1, 0.7)
    ask = f' (did you mean "{close[0]}"?)' if close else ""
    return Explained(path, f"is not a field here{ask}; must be one of {listed(allowed)}", close[0] if close else None)


def _quoting(path: Path, node: Node | None, kind: str) -> str:
    """Says what YAML did to the value, where that explains the mistake."""
    if not isinstance(node, Scalar):
        return ""
    if node.comment is not None:
        shown = "it" if is_secret(path) else f'"{node.comment}"'
        return f"; an unquoted # begins a comment: write {shown} in quotes"
    if kind in ("wants_text", "string_type") and node.plain and not isinstance(node.value, str) and node.raw:
        shown = "it" if is_secret(path) else f'"{node.raw}"'
        return f"; unquoted it is {_yaml_type(node)} to YAML: write {shown} in quotes"
    quoted_number = re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", node.raw) is not None
    if kind in ("wants_number", "literal_error") and not node.plain and quoted_number:
        return "; write it without quotes"
    if kind == "bool_type" and not node.plain and node.raw in ("true", "false"):
        return "; write it without quotes"
    return ""


def _yaml_type(node: Scalar) -> str:
    if node.value is None:
        return "null"
    return "a boolean" if isinstance(node.value, bool) else "a number"
