"""What all parts of the document share: the base model, and field types that say in words what they take.

A field's type carries the sentence that a person reads when the value is wrong ("must be a whole number, 0 to
60"), because a message that names one bound, or a regular expression, sends them to the manual.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import PydanticCustomError, core_schema


class Model(BaseModel):
    """A frozen part of the document; in a document that a person wrote, an unknown field is an error."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,  # "5" is not 5, and 1 is not true
        hide_input_in_errors=True,  # a secret written in the wrong place must not reach a log
        use_attribute_docstrings=True,
        validate_by_name=True,
        validate_by_alias=True,
    )


def _amount(value: float) -> str:
    """Writes a bound the way a person does: 60, not 60.0."""
    return f"{value:g}" if value < 1e5 else str(int(value))


@dataclass(frozen=True)
class Between:
    """Marks an `int` or `float` field that takes `low` to `high`, both included."""

    low: float
    high: float

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Wraps the number's schema, so that wrong type and wrong size get the same sentence."""
        kind = "a whole number" if source is int else "a number"
        says = f"{kind}, {_amount(self.low)} to {_amount(self.high)}"

        def read(value: Any, inner: core_schema.ValidatorFunctionWrapHandler) -> Any:
            try:
                number = inner(value)
            except ValidationError:
                raise PydanticCustomError("wants_number", "must be {says}", {"says": says}) from None
            if not self.low <= number <= self.high:  # also false for NaN
                raise PydanticCustomError("wants_number", "must be {says}", {"says": says})
            return number

        return core_schema.no_info_wrap_validator_function(read, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Adds the bounds."""
        return {**handler(schema), "minimum": self.low, "maximum": self.high}


@dataclass(frozen=True)
class Written:
    """Marks a `str` field: its whole text matches `pattern` and passes `check`; `says` describes it.

    `check` returns a complaint in words, which is put behind the description, or None. A complaint must not
    quote the value.
    """

    says: str
    pattern: str
    check: Callable[[str], str | None] | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Wraps the string's schema."""
        whole = re.compile(self.pattern)

        def refusal(complaint: str | None = None) -> PydanticCustomError:
            says = f"{self.says}; {complaint}" if complaint else self.says
            return PydanticCustomError("wants_text", "must be {says}", {"says": says})

        def read(value: Any, inner: core_schema.ValidatorFunctionWrapHandler) -> Any:
            try:
                text = inner(value)
            except ValidationError:
                raise refusal() from None
            if whole.fullmatch(text) is None:
                raise refusal()
            if self.check is not None and (complaint := self.check(text)) is not None:
                raise refusal(complaint)
            return text

        return core_schema.no_info_wrap_validator_function(read, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Adds the pattern; what `check` refuses beyond it a schema cannot say."""
        return {**handler(schema), "pattern": f"^(?:{self.pattern})$"}


@dataclass(frozen=True)
class Reads:
    """Marks a field whose type is a union: one sentence in place of one complaint for each member."""

    says: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Wraps the union's schema."""

        def read(value: Any, inner: core_schema.ValidatorFunctionWrapHandler) -> Any:
            try:
                return inner(value)
            except ValidationError:
                raise PydanticCustomError("wants_other", "must be {says}", {"says": self.says}) from None

        return core_schema.no_info_wrap_validator_function(read, handler(source))
