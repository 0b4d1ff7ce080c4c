"""Refusals of the bus as answers of HTTP: a table."""

from __future__ import annotations

from doorbus.contract.errors import ErrorCode
from doorbus_web.problems import FieldProblem, ProblemError

STATUS: dict[str, int] = {
    ErrorCode.MALFORMED: 422,
    ErrorCode.TOO_LARGE: 413,
    ErrorCode.UNKNOWN_COMMAND: 502,
    ErrorCode.EXPIRED: 409,
    ErrorCode.EXPIRES_TOO_LATE: 409,
    ErrorCode.ISSUED_BEFORE_START: 503,
    ErrorCode.CLOCK_UNKNOWN: 503,
    ErrorCode.OLD_EPOCH: 502,
    ErrorCode.BAD_REPLY_SUBJECT: 502,
    ErrorCode.UNKNOWN_DOOR: 404,
    ErrorCode.UNKNOWN_CALL: 422,
    ErrorCode.UNKNOWN_ACCOUNT: 422,
    ErrorCode.UNKNOWN_INPUT: 422,
    ErrorCode.UNKNOWN_RELAY: 422,
    ErrorCode.UNKNOWN_ACTION: 422,
    ErrorCode.UNKNOWN_MESSAGE: 404,
    ErrorCode.INVALID_NUMBER: 422,
    ErrorCode.BUSY: 409,
    ErrorCode.PAGE: 409,
    ErrorCode.NOTHING_TO_DO: 409,
    ErrorCode.LOCKED: 409,
    ErrorCode.RATE_LIMITED: 429,
    ErrorCode.NOT_READY: 503,
    ErrorCode.TIMEOUT: 504,
    ErrorCode.NOT_CONNECTED: 503,
    ErrorCode.INTERNAL: 502,
}
"""`502`: it was policy's fault, or between us and policy. A test finds codes without an entry."""

FIELDS: dict[str, str] = {
    ErrorCode.UNKNOWN_CALL: "call",
    ErrorCode.UNKNOWN_ACCOUNT: "account",
    ErrorCode.UNKNOWN_INPUT: "input",
    ErrorCode.UNKNOWN_RELAY: "relay",
    ErrorCode.INVALID_NUMBER: "to",
}
"""Which field of the request a code is about."""


def refused(code: str, message: str) -> ProblemError:
    """Returns the problem for a refusal; a message of policy begins with the field that it is about."""
    field = FIELDS.get(code)
    errors = () if field is None else (FieldProblem(path=field, message=message.removeprefix(f"{field}: ")),)
    headers = {"Retry-After": "1"} if STATUS.get(code) in (429, 503) else None
    return ProblemError(STATUS.get(code, 502), code, message, errors, headers)
