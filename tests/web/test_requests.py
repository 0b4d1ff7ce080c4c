"""Requests with an id of their client's, refusals as problems, documents by API; without a bus."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.web.world import DOCUMENT, Site

from doorbus.contract.base import Reply
from doorbus.contract.document import Door
from doorbus.contract.document.load import load_document
from doorbus.contract.errors import ErrorCode, LocalError
from doorbus_web import commands
from doorbus_web.doors import PATHS_TOLD, changed_paths
from doorbus_web.idempotency import MOST, REMEMBERED_S, Answers
from doorbus_web.problems import ProblemError
from doorbus_web.refusals import STATUS

UNLOCK = "/api/v1/doors/front/unlock"


class Policy:
    """Stands in for policy: notes what it is asked, answers what a test wants."""

    def __init__(self, answer: Callable[[], Reply]) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.answer = answer

    async def __call__(self, _connection: object, subject: str, message: Any, _reply: object, _timeout: float) -> Reply:
        """Answers a request of the bus."""
        self.asked.append((subject, message))
        return self.answer()


@pytest.fixture
def policy(monkeypatch: pytest.MonkeyPatch) -> Policy:
    """Policy that accepts everything."""
    fake = Policy(Reply)
    monkeypatch.setattr(commands, "request", fake)
    return fake


async def test_an_unlock_reaches_policy_as_http_and_says_who(web: Site, policy: Policy) -> None:
    """The relay and the client's name stand in the subject; method, person and a short life in the wish."""
    hub = web.program("unlock:gate")
    answer = await hub.post(UNLOCK, json={"relay": "gate"})
    [(subject, wish)] = policy.asked
    assert (answer.status_code, answer.json()["id"]) == (202, wish.id)
    assert subject == "door.front.cmd.policy.unlock.gate.web"
    assert (wish.method, wish.person) == ("http", "token hub")
    assert wish.expires_at - wish.issued_at == timedelta(seconds=3)


async def test_a_repeat_opens_once(web: Site, policy: Policy) -> None:
    """The same id gets the same answer and reaches policy once, also ten at once; another client's id is its own."""
    hub, other = web.program("unlock:*"), web.program("unlock:*", name="other")
    body = {"relay": "gate", "id": "visitor-7"}
    answers = await asyncio.gather(*(hub.post(UNLOCK, json=body) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(policy.asked) == 1
    assert (await other.post(UNLOCK, json=body)).json()["id"] != answers[0].json()["id"]
    assert len(policy.asked) == 2


async def test_an_id_cannot_be_used_for_something_else(web: Site, policy: Policy) -> None:
    """The same id for another body is refused, and nothing is done."""
    hub = web.program("press")
    url = "/api/v1/doors/front/press"
    await hub.post(url, json={"input": "button1", "id": "a"})
    answer = await hub.post(url, json={"input": "button2", "id": "a"})
    assert (answer.status_code, answer.json()["code"], len(policy.asked)) == (422, "id_used", 1)


async def test_what_was_not_done_may_be_tried_again(web: Site, policy: Policy) -> None:
    """After 503 the same id is asked anew; after 504, when it may have been done, it never is."""

    def fails(code: ErrorCode) -> Callable[[], Reply]:
        def answer() -> Reply:
            raise LocalError(code, "no")

        return answer

    hub = web.program("unlock:*")
    for code, statuses in ((ErrorCode.NOT_CONNECTED, [503, 202]), (ErrorCode.TIMEOUT, [504, 504])):
        body = {"relay": "gate", "id": code.value}
        policy.answer = fails(code)
        first = await hub.post(UNLOCK, json=body)
        policy.answer = Reply
        assert [first.status_code, (await hub.post(UNLOCK, json=body)).status_code] == statuses


async def test_answers_are_forgotten_in_time_and_in_number() -> None:
    """After ten minutes an id is new again; more ids than are kept push the oldest out."""
    now, count = [0.0], 0

    async def ask() -> int:
        nonlocal count
        count += 1
        return count

    answers = Answers(lambda: now[0])
    assert [await answers.once("a", "", ask) for _ in range(2)] == [1, 1]
    now[0] = REMEMBERED_S
    assert await answers.once("a", "", ask) == 2
    for number in range(MOST):
        await answers.once(number, "", ask)
    assert await answers.once("a", "", ask) == MOST + 3


async def test_an_expiry_is_kept_and_bounded(web: Site, policy: Policy) -> None:
    """A client's `expires_at` shortens the life of the wish, never lengthens it; one that is over is 409."""
    hub, now = web.program("unlock:*"), datetime.now(UTC)
    for ahead, life in ((1, 1), (3600, 3)):
        at = (now + timedelta(seconds=ahead)).isoformat()
        assert (await hub.post(UNLOCK, json={"relay": "gate", "expires_at": at})).status_code == 202
        wish = policy.asked[-1][1]
        assert (wish.expires_at - wish.issued_at).total_seconds() == pytest.approx(life, abs=0.9)
    over = await hub.post(UNLOCK, json={"relay": "gate", "expires_at": (now - timedelta(seconds=1)).isoformat()})
    assert (over.status_code, over.json()["code"], len(policy.asked)) == (409, "expired", 2)


async def test_refusals_name_the_field_and_what_is_allowed(web: Site, policy: Policy) -> None:
    """RFC 9457 problems: an unknown relay, none where there are two, a wrong type, an unknown field, no JSON."""
    hub = web.program("unlock:*", "call")
    cases: tuple[tuple[str, Any, str, str], ...] = (
        (UNLOCK, {"relay": "roof"}, "relay", "must be one of gate, lamp"),
        (UNLOCK, {}, "relay", "must be named: this door has gate, lamp"),
        (UNLOCK, {"relay": 7}, "relay", "string"),
        (UNLOCK, {"relais": "gate"}, "relais", "not permitted"),
        ("/api/v1/doors/front/calls", {}, "to", "required"),
    )
    for url, body, path, word in cases:
        answer = await hub.post(url, json=body)
        assert (answer.status_code, answer.headers["Content-Type"]) == (422, "application/problem+json")
        problem = answer.json()
        assert problem["errors"][0]["path"] == path
        assert word in problem["errors"][0]["message"]
    broken = await hub.post(UNLOCK, content=b"{", headers={"Content-Type": "application/json"})
    assert broken.status_code == 422
    policy.answer = lambda: Reply(ok=False, code="invalid_number", message="to: must be a number or a SIP URI")
    refused = (await hub.post("/api/v1/doors/front/calls", json={"to": "?"})).json()
    assert (refused["code"], refused["errors"]) == (
        "invalid_number",
        [{"path": "to", "message": "must be a number or a SIP URI"}],
    )
    assert policy.asked[-1][0] == "door.front.cmd.policy.call.web"


def test_every_code_has_a_status() -> None:
    """Every refusal of the contract has its status, and none is 500 or below 400."""
    assert set(STATUS) == set(ErrorCode)
    assert all(400 <= status != 500 for status in STATUS.values())


async def test_a_document_is_read_and_its_mistakes_told_by_path(web: Site) -> None:
    """GET gives it with its revision as ETag; PUT with no or another If-Match, or with mistakes, writes nothing."""
    hub = web.program("read", "configure")
    url = "/api/v1/doors/front/document"
    read = await hub.get(url)
    assert (read.headers["ETag"], read.json()["door"]) == ('"7"', "front")
    tag = {"If-Match": read.headers["ETag"]}
    wrong = {**read.json(), "calls": {**read.json()["calls"], "max_call_s": -1}}
    cases: tuple[tuple[dict[str, str], str, int, str], ...] = (
        ({}, json.dumps(read.json()), 428, "precondition_required"),
        ({"If-Match": '"6"'}, json.dumps(read.json()), 412, "conflict"),
        (tag, json.dumps(wrong), 422, "invalid_document"),
        (tag, DOCUMENT.replace("front", "back"), 422, "invalid_document"),
        (tag, "", 422, "invalid_document"),
        (tag, "\x00{", 422, "invalid_document"),
        (tag, DOCUMENT.replace("gate", "main"), 503, "not_connected"),
    )
    for headers, body, status, code in cases:
        answer = await hub.put(url, content=body.encode(), headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    problem = (await hub.put(url, content=json.dumps(wrong).encode(), headers=tag)).json()
    assert [each["path"] for each in problem["errors"]] == ["calls.max_call_s"]
    unchanged = await hub.put(url, content=DOCUMENT.encode(), headers=tag)
    assert unchanged.json() == {"revision": 7, "changed": False}


def test_changed_fields_are_told_by_path_without_values() -> None:
    """A changed field, a longer list and many changes."""
    before = load_document(DOCUMENT)
    after = load_document(
        DOCUMENT.replace("line: 9", "line: 10").replace("door: front", "door: front\ntimezone: Europe/Berlin")
    )
    assert changed_paths(before, after) == ("io.relays[1].line", "timezone")
    assert changed_paths(before, load_document(DOCUMENT.replace("buttons: [{input: button1}]", ""))) == ("buttons",)
    many, fewer = (_with_relays(range(first, first + 60)) for first in (100, 200))
    changed = changed_paths(many, fewer)
    assert (len(changed), changed[-1]) == (PATHS_TOLD + 1, "and 10 more")


def _with_relays(lines: range) -> Door:
    relays = ", ".join(f"{{id: r{place}, chip: sim, line: {line}}}" for place, line in enumerate(lines))
    return load_document(DOCUMENT.replace("relays: [", f"relays: [{relays}, "))


async def test_pages_are_served_without_the_bus(web: Site) -> None:
    """A page says that the bus is gone, the picture says so too, and events that cannot be searched are 503."""
    hub = web.program("read")
    assert (await hub.get("/api/v1/doors/front")).json()["bus"] is False
    assert (await hub.get("/api/v1/doors/front/events")).status_code == 503
    assert "The bus is gone" in (await web.browser().get("/login")).text


async def test_an_unsure_problem_is_told_to_all_who_wait() -> None:
    """Ten who ask with one id at once hear the same refusal."""
    answers = Answers()

    async def ask() -> int:
        await asyncio.sleep(0)
        raise ProblemError(504, "timeout", "no answer")

    told = await asyncio.gather(*(answers.once("a", "", ask) for _ in range(10)), return_exceptions=True)
    assert {type(each) for each in told} == {ProblemError}
