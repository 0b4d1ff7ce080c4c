"""Policy as its own process: killed in mid-call, stalled, stopped in order."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.policy.fakes import DOOR, Box
from tests.policy.story import document

from doorbus.contract import calls
from doorbus.contract.base import Reply
from doorbus.contract.calls import CallAnswered, Direction, EndReason
from doorbus.contract.errors import DoorbusError
from doorbus.contract.lines import InputKind, InputPressed, Pulse
from doorbus.contract.wishes import WishCall, WishUnlock
from doorbus_testkit.processes import Process

CODES = [{"code": {"env": "DOORBUS_SECRET_GATE"}, "relay": "gate"}]
PRESS = InputPressed(input="button1", kind=InputKind.PUSH_BUTTON)


def policy(box: Box, folder: Path) -> Process:
    """Starts policy as a process."""
    env = {**os.environ, "DOORBUS_NATS_URL": box.url, "DOORBUS_DOORS": DOOR, "DOORBUS_SECRET_GATE": "1234"}
    return Process([sys.executable, "-m", "doorbus_policy"], log=folder / "policy.log", env=env)


async def test_policy_killed_in_mid_call(box: Box, tmp_path: Path) -> None:
    """The next life adopts the call, opens the door by its code and ends the call at the same limit."""
    await box.apply(document(max_call_s=8, warn_s=0, unlock_codes=CODES, hang_up_after_unlock={"methods": []}))
    with policy(box, tmp_path) as first:
        await box.serving()
        box.io_tells(PRESS)
        dial = await box.ordered(calls.Dial)
        box.sip_tells(CallAnswered(call=dial.call, direction=Direction.OUTGOING, leg=dial.targets[0].leg))
        await box.stage("answered")
        first.kill9()
    box.calls = tuple(each.model_copy(update={"age_s": 5.0, "answered_age_s": 4.0}) for each in box.calls)
    with policy(box, tmp_path):
        assert dial.call == (await box.ordered(calls.Adopt)).call
        await box.stage("answered")
        await box.type_digits(dial.call, "1234")
        assert (await box.ordered(Pulse)).cause.by == "101"
        hang_up = await box.ordered(calls.HangUp)
        assert (dial.call, EndReason.MAX_DURATION) == (hang_up.call, hang_up.reason)
        assert len([each for each in box.orders if isinstance(each, calls.Dial)]) == 1


async def test_what_was_wished_of_a_stalled_policy_never_happens_later(box: Box, tmp_path: Path) -> None:
    """An unlock that waited for longer than a command lives is refused when policy wakes up."""
    await box.apply(document())
    with policy(box, tmp_path) as process:
        await box.serving()
        process.stall()
        try:
            reply = await box.wish(WishUnlock(**box.stamps()), relay="gate")
        except DoorbusError as error:
            reply = Reply(ok=False, code=error.code)
        assert reply.code == "timeout"
        process.resume()
        await box.serving()
        called = await box.wish(WishCall(**box.stamps(), to="102", account="pbx"))
        assert called.call == (await box.ordered(calls.Dial)).call
        assert [each for each in box.orders if isinstance(each, Pulse)] == []


async def test_policy_stops_in_order(box: Box, tmp_path: Path) -> None:
    """SIGTERM: exit code 0 within 5 s, and the call goes on."""
    await box.apply(document())
    with policy(box, tmp_path) as process:
        await box.serving()
        box.io_tells(PRESS)
        await box.ordered(calls.Dial)
        process.terminate()
        assert await process.wait_exit(within_s=5) == 0
    assert [each for each in box.orders if isinstance(each, calls.HangUp)] == []
