"""The API against its own OpenAPI document: thousands of requests that nobody thought of, on the real stack.

Without a credential, and with one that may only read, nothing may happen at the door; with every right nothing breaks.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance
from tests.features.console import Console
from tests.features.doors import ENV, GATE, LAMP, document

from doorbus_testkit.stack import Options, Stack

FEW, MANY = 4, 8
"""Examples of each operation: bounded so that all credentials together take less than a minute."""
EFFECTS = ("button.activated", "call.dialing", "dnd.changed", "door.unlocked", "relay.energised", "input.pressed")
STREAM = "/api/v1/doors/{door}/stream"
"""Never ends, so it is asked otherwise (`tests/features/test_web_live.py`)."""


def _ask_everything(spec: dict[str, Any], url: str, token: str | None, examples: int) -> Counter[int]:
    """Sends what Schemathesis thinks of to every operation; returns how often which status came.

    Raises:
        schemathesis.FailureGroup: an answer is a server error, or is not what the document says.
    """
    statuses: Counter[int] = Counter()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    session = requests.Session()
    for found in schemathesis.openapi.from_dict(spec).exclude(path=STREAM).get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()

        @given(case=operation.as_strategy())
        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def ask(case: schemathesis.Case[Any]) -> None:
            if "door" in case.path_parameters:
                case.path_parameters["door"] = "front"
            answer = case.call(base_url=url, headers=headers, session=session, timeout=20)
            statuses[answer.status_code] += 1
            case.validate_response(
                answer, checks=[not_a_server_error, content_type_conformance, response_schema_conformance]
            )

        ask()
    return statuses


@pytest.mark.timeout(180)
async def test_the_api_holds_what_it_says_and_lets_nobody_in() -> None:
    """No credential, or one made up: 401 (429). Read only: nothing moves or is written. Every right: nothing breaks."""
    async with Stack(document(), Options(env=ENV, web=True)) as door, Console(door) as console:
        spec = (await console.admin.get("/api/v1/openapi.json")).json()
        revision = (await console.admin.get("/api/v1/doors/front/document")).headers["ETag"]
        for token, examples in ((None, FEW), (await console.token("read"), MANY)):
            statuses = await asyncio.to_thread(_ask_everything, spec, console.url, token, examples)
            assert sum(statuses.values()) > 10 * examples
            assert token is not None or set(statuses) <= {401, 429}
            assert [told.what for told in door.events if told.what in EFFECTS] == []
            assert (door.chip.history(GATE), door.chip.history(LAMP)) == ([], [])
            now = (await console.admin.get("/api/v1/doors/front/document")).headers["ETag"]
            assert now == revision
        every = await console.token("read", "call", "press", "dnd", "configure", "admin", "unlock:*")
        statuses = await asyncio.to_thread(_ask_everything, spec, console.url, every, MANY)
        assert {200, 202} <= set(statuses)
        assert [told for told in door.events if told.what in EFFECTS] != []
        assert "Traceback" not in door.log_of("web")
