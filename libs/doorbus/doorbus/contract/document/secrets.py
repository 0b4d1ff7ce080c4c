"""References to secrets. The document never holds a secret's value, and no message of ours quotes one.

Resolving a reference is I/O and happens in the process that uses the secret: `doorbus.runtime.secrets`. What a resolved
unlock code must be is a rule, so it stands here, as a pure function.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Any, Self

from pydantic import model_serializer, model_validator
from pydantic_core import PydanticCustomError

from doorbus.contract.document.base import Model, Written

_HOW = "exactly one of {env: DOORBUS_SECRET_…} and {file: NAME}"
_CODE = re.compile(r"[0-9*#]{2,16}")


class SecretRef(Model):
    """Where a secret is: an environment variable of the process that needs it, or a file of its secrets directory."""

    env: (
        Annotated[str, Written("a name like DOORBUS_SECRET_PBX (A-Z, 0-9, _)", r"DOORBUS_SECRET_[A-Z0-9_]{1,64}")]
        | None
    ) = None
    """The prefix keeps a document from reading any other variable of the process, like its bus credentials."""
    file: (
        Annotated[
            str,
            Written(
                "a file name without folders: letters, digits, _, - and ., not first a .",
                r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}",
            ),
        ]
        | None
    ) = None
    """A bare name, so that a document cannot read outside the secrets directory."""

    @model_validator(mode="before")
    @classmethod
    def _is_reference(cls, value: Any) -> Any:
        if isinstance(value, dict | SecretRef):
            return value
        raise PydanticCustomError(
            "wants_reference",
            "must be {how}; a secret does not stand in the document itself",
            {"how": _HOW},
        )

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.env is None) == (self.file is None):
            raise PydanticCustomError("wants_reference", "must be {how}", {"how": _HOW})
        return self

    @model_serializer
    def _only_what_is_given(self) -> dict[str, str]:
        return {"env": self.env} if self.env is not None else {"file": str(self.file)}


def check_codes(values: Sequence[str]) -> tuple[str, ...]:
    """Tells what is wrong with resolved unlock codes, by their place in `calls.unlock_codes` and never by value.

    Each is 2 to 16 of `0-9*#`; none may begin with another or equal it, or the shorter would always win.
    """
    problems = [
        f"calls.unlock_codes[{place}].code: must resolve to 2 to 16 of 0-9, * and #"
        for place, value in enumerate(values)
        if _CODE.fullmatch(value) is None
    ]
    codes = [(place, value) for place, value in enumerate(values) if _CODE.fullmatch(value)]
    problems += [
        f"calls.unlock_codes[{place}].code: begins with the code of calls.unlock_codes[{other}], or equals it"
        for place, value in codes
        for other, prefix in codes
        if place != other and value.startswith(prefix) and (value != prefix or place > other)
    ]
    return tuple(problems)
