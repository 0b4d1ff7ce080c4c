"""Directories: lists of numbers that another system publishes in `DOORBUS_DIRECTORIES`, one key a list.

A group or sequence call whose `numbers` are empty calls those of the directory that its `directory` names. The key is
the directory's name, the value the JSON of a `Directory`. What became of a value is told (`directory.changed`); one
that cannot be used changes nothing, the last good one goes on. A deleted key is an empty directory.
"""

from __future__ import annotations

import json
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from doorbus.contract.base import Event, Message, Name
from doorbus.contract.document.buttons import MAX_NUMBERS
from doorbus.contract.document.problems import path_text
from doorbus.contract.document.scalars import Number


class DirectoryChanged(Event):
    """Policy took a published directory that the door's document names, or refused it.

    Attributes:
        name: the directory.
        count: how many numbers are called now.
        why: what is wrong with a refused one, with its fields.
    """

    domain = "directory"
    what = "changed"
    name: Name
    count: int
    result: Literal["taken", "refused"] = "taken"
    why: str | None = None


class Directory(Message):
    """A list of numbers, in the order of a sequence call.

    Attributes:
        numbers: digits with `*` and `#`, IP addresses with optional port, or SIP URIs; 16 at most, as in a group.
        label: for people.
    """

    numbers: Annotated[tuple[Number, ...], Field(max_length=MAX_NUMBERS)]
    label: Annotated[str, Field(max_length=64)] = ""


def read_directory(data: bytes) -> Directory:
    """Reads a published value.

    Raises:
        ValueError: it is not a directory; the message names each field and what is allowed.
    """
    try:
        return Directory.model_validate_json(data)
    except ValidationError as error:
        told = error.errors(include_url=False, include_input=False)
        raise ValueError("; ".join(f"{path_text(each['loc']) or 'value'}: {each['msg']}" for each in told)) from None


def write_directory(numbers: tuple[str, ...], label: str = "") -> bytes:
    """Returns the value to publish.

    Raises:
        ValueError: a number cannot be called, or there are too many.
    """
    return read_directory(json.dumps({"numbers": numbers, "label": label}).encode()).to_bytes()
