"""The OpenAPI document, and what the page about it shows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

ABOUT = """Doors over HTTP. Every request needs a token (`Authorization: Bearer dbt_…`, made under "API tokens") or
a session of the pages (a request that changes something then carries `X-CSRF-Token`). Errors are problem details
(RFC 9457) that name the field and what is allowed."""


@dataclass(frozen=True)
class Operation:
    """One operation, for the page."""

    method: str
    path: str
    summary: str
    text: str
    parameters: tuple[dict[str, Any], ...]
    body: str
    responses: tuple[tuple[str, str], ...]


def openapi(app: FastAPI) -> dict[str, Any]:
    """Returns the OpenAPI document; made once."""
    if app.openapi_schema is None:
        schema = get_openapi(title="Doorbus", version=version("doorbus-web"), description=ABOUT, routes=app.routes)
        components = schema.setdefault("components", {})
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        schema["security"] = [{"token": []}]
        for name in ("HTTPValidationError", "ValidationError"):
            components.get("schemas", {}).pop(name, None)
        app.openapi_schema = schema
    return app.openapi_schema


def operations(schema: dict[str, Any]) -> tuple[Operation, ...]:
    """Returns all operations of an OpenAPI document."""
    return tuple(
        _operation(schema, method, path, each)
        for path, methods in schema["paths"].items()
        for method, each in methods.items()
    )


def _operation(schema: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> Operation:
    content = operation.get("requestBody", {}).get("content", {})
    first: dict[str, Any] = next((each.get("schema", {}) for each in content.values()), {})
    named = first.get("$ref", "").rsplit("/", 1)[-1]
    body = schema["components"]["schemas"].get(named, first)
    return Operation(
        method=method.upper(),
        path=path,
        summary=operation.get("summary", ""),
        text=operation.get("description", ""),
        parameters=tuple(operation.get("parameters", ())),
        body=json.dumps(body, indent=2, ensure_ascii=False) if body else "",
        responses=tuple((code, each.get("description", "")) for code, each in operation.get("responses", {}).items()),
    )
