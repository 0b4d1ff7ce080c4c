"""The unlock codes of a document, resolved. One that cannot be used is left out, and said; the others go on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from doorbus.contract.document import Door, check_codes
from doorbus.runtime.secrets import SecretError, resolve
from doorbus_policy.core.events import Code


def resolved(
    document: Door, secrets_dir: Path | None, environ: Mapping[str, str]
) -> tuple[tuple[Code, ...], tuple[str, ...]]:
    """Returns the codes that can be used, and what is wrong with the others; no text holds a code."""
    entries = document.calls.unlock_codes
    values: list[str] = []
    missing: dict[int, str] = {}
    for place, entry in enumerate(entries):
        try:
            values.append(resolve(entry.code, secrets_dir, environ).get_secret_value())
        except SecretError as error:
            values.append("")
            missing[place] = f"{_where(place)} {error}"
    wrong = {place: _first(check_codes(values), place) for place in range(len(values)) if place not in missing}
    codes = tuple(
        Code(SecretStr(values[place]), entry.relay, entry.callers)
        for place, entry in enumerate(entries)
        if place not in missing and wrong[place] is None
    )
    problems = missing | {place: problem for place, problem in wrong.items() if problem is not None}
    return codes, tuple(problems[place] for place in sorted(problems))


def _where(place: int) -> str:
    return f"calls.unlock_codes[{place}].code:"


def _first(problems: tuple[str, ...], place: int) -> str | None:
    return next((problem for problem in problems if problem.startswith(_where(place))), None)
