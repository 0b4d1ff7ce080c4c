"""What is wrong with a request, said by RFC 9457 (`application/problem+json`) to programs, as a page to people."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

MEDIA_TYPE = "application/problem+json"


class FieldProblem(BaseModel):
    """One field that is wrong."""

    model_config = ConfigDict(frozen=True)

    path: Annotated[str, Field(description="Where, like `relay` or `buttons[0].call.timeout_s`.")]
    message: Annotated[str, Field(description="What is allowed there, in words.")]


class Problem(BaseModel):
    """A refused request (RFC 9457)."""

    model_config = ConfigDict(frozen=True)

    type: Annotated[str, Field(description="Stable name of the problem, `urn:doorbus:problem:<code>`.")]
    title: str
    status: int
    code: Annotated[str, Field(description="The stable name alone: of `docs/bus.md`, or of this API.")]
    detail: Annotated[str, Field(description="For a person: what was wrong, with the field and the allowed values.")]
    errors: tuple[FieldProblem, ...] = ()


class ProblemError(Exception):
    """Ends a request with a problem.

    Args:
        status: of HTTP.
        code: stable.
        detail: for a person.
        errors: the fields that are wrong.
        headers: further ones of the answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        errors: tuple[FieldProblem, ...] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.problem = Problem(
            type=f"urn:doorbus:problem:{code}",
            title=HTTPStatus(status).phrase,
            status=status,
            code=code,
            detail=detail,
            errors=errors,
        )
        self.headers = dict(headers or {})
