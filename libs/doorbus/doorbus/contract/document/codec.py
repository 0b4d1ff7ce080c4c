"""The document as the bus keeps it: canonical JSON, the same bytes for the same document.

All defaults are written out, so that a stored document means the same to a reader with other defaults. Reading
ignores fields that it does not know, since a newer `doorbus apply` may have written them; everything else is
validated again, as nobody else vouches for what a bucket holds.
"""

import hashlib
import json
from typing import Any

from pydantic import ValidationError

from doorbus.contract.document.checks import check
from doorbus.contract.document.door import Door
from doorbus.contract.document.explain import explain
from doorbus.contract.document.problems import DocumentError, Problem, path_text


def to_data(door: Door) -> dict[str, Any]:
    """Returns a document as the plain data of its JSON, in the order of its fields."""
    return door.model_dump(mode="json", by_alias=True)


def to_json(door: Door) -> bytes:
    """Writes a document: UTF-8, keys in order, no spaces."""
    return json.dumps(to_data(door), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def fingerprint(door: Door) -> str:
    """Returns what tells one document from another, whatever revision of the store it has: 16 hexadecimal digits."""
    return hashlib.blake2b(to_json(door), digest_size=8).hexdigest()


def from_json(data: bytes) -> Door:
    """Reads what `to_json` wrote.

    Raises:
        DocumentError: it is not a valid document.
    """
    try:
        door = Door.model_validate_json(data, extra="ignore")
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False)
        explained = (explain(each, None) for each in errors)
        raise DocumentError(tuple(Problem(path_text(each.path), each.message) for each in explained)) from None
    if problems_found := check(door):
        raise DocumentError(problems_found)
    return door


def json_schema() -> dict[str, Any]:
    """Returns the JSON Schema (2020-12) of the document, for editors and the API."""
    schema = Door.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "The document of a door", **schema}
