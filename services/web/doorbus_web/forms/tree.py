"""From the document's pydantic models to a tree of fields. A new field of the document is in its form by itself.

Labels and help come from the models (`words`); what cannot be shown as a form is a `TypeError` at start, and a test.
"""

from __future__ import annotations

import datetime
import types
from collections.abc import Iterable
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import TypeAdapter
from pydantic.fields import FieldInfo

from doorbus.contract.document.base import Between, Model, Written
from doorbus.contract.document.door import Door
from doorbus.contract.document.secrets import SecretRef
from doorbus_web.forms import words
from doorbus_web.forms.kinds import (
    Assigned,
    Choice,
    Day,
    Field,
    Flag,
    Group,
    Items,
    Kind,
    Lines,
    Number,
    Ranked,
    Secret,
    Table,
    Text,
    Ticks,
    Variants,
)

RANKED = frozenset({"codecs"})
"""Lists of a few values whose order counts."""


@cache
def tree(*parts: str) -> Group:
    """Returns the form of some parts of the document (`calls`, `multicast`); of all of it without any."""
    return Group(tuple(each for each in _model(Door).fields if not parts or each.name in parts))


@cache
def _model(model: type[Model], *without: str) -> Group:
    fields = model.model_fields.items()
    return Group(tuple(_field(model, name, info) for name, info in fields if name not in without))


def _field(model: type[Model], name: str, info: FieldInfo) -> Field:
    annotation, metadata = info.annotation, list(info.metadata)
    if info.discriminator is not None:
        metadata.append(info)
    inner, nullable = _without_none(annotation)
    kind = _kind(inner, metadata, info.alias or name)
    label, unit = words.label(model, name)
    return Field(
        name=info.alias or name,
        label=label,
        help=words.explanation(model, name, info.description or ""),
        kind=kind,
        required=info.is_required(),
        nullable=nullable,
        default=None if info.is_required() else _plain(info),
        unit=unit,
    )


def _plain(info: FieldInfo) -> Any:
    value = info.get_default(call_default_factory=True, validated_data={})
    return TypeAdapter(Any).dump_python(value, mode="json", by_alias=True)


def _without_none(annotation: Any) -> tuple[Any, bool]:
    if get_origin(annotation) not in (Union, types.UnionType):
        return annotation, False
    members = [each for each in get_args(annotation) if each is not type(None)]
    if len(members) == len(get_args(annotation)):
        return annotation, False
    return (members[0] if len(members) == 1 else Union[tuple(members)]), True  # noqa: UP007  # made at run time


def _kind(annotation: Any, metadata: Iterable[Any], name: str) -> Kind:
    while get_origin(annotation) is Annotated:
        annotation, *more = get_args(annotation)
        metadata = [*metadata, *more]
    metadata = list(metadata)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return Choice(arguments)
    if origin is tuple:
        return _list(arguments[0], metadata, name)
    if origin is dict:
        return _table(arguments, name)
    if origin in (Union, types.UnionType):
        return _union(arguments, metadata)
    if annotation is bool:
        return Flag()
    if annotation in (int, float):
        bounds = next((each for each in metadata if isinstance(each, Between)), None)
        low, high = (bounds.low, bounds.high) if bounds else (None, None)
        return Number(annotation is int, low, high)
    if annotation is str:
        written = next((each for each in metadata if isinstance(each, Written)), None)
        return Text(written.says if written else "", long=written is not None and "16384" in written.pattern)
    if annotation is datetime.date:
        return Day()
    if annotation is SecretRef:
        return Secret()
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return _model(annotation)
    raise TypeError(f"{name}: no form for {annotation}")


def _list(item: Any, metadata: list[Any], name: str) -> Kind:
    inner = _kind(item, (), name)
    most = next((each.max_length for each in metadata if hasattr(each, "max_length")), None)
    match inner:
        case Group() | Variants():
            return Items(inner, most)
        case Choice(values):
            return Ranked(values) if name in RANKED else Ticks(values)
        case Text() | Number() | Day():
            return Lines(inner)
        case _:
            raise TypeError(f"{name}: no form for a list of {item}")


def _table(arguments: tuple[Any, ...], name: str) -> Kind:
    key, value = (_kind(each, (), name) for each in arguments)
    match key, value:
        case Text(), Lines():
            return Assigned(value)
        case ((Text() | Number()), (Text() | Number())):
            return Table(key, value)
        case _:
            raise TypeError(f"{name}: no form for a mapping to {arguments[1]}")


def _union(members: tuple[Any, ...], metadata: list[Any]) -> Kind:
    if SecretRef in members:
        return Secret(tuple(str(word) for each in members if get_origin(each) is Literal for word in get_args(each)))
    tag = next(str(each.discriminator) for each in metadata if getattr(each, "discriminator", None))
    groups = tuple((get_args(each.model_fields[tag].annotation)[0], _model(each, tag)) for each in members)
    label, _ = words.label(members[0], tag)
    return Variants(Field(tag, label, "", Choice(tuple(name for name, _ in groups)), required=True), groups)
