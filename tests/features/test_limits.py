"""What happens at the limits (`docs/limits.md`): many callers, many fingers, one too many of anything."""

from __future__ import annotations

import asyncio
import json
import re

import pytest
from tests.features.conftest import NewPhone
from tests.features.doors import ANSWER_S, BUTTON, IO, document, press, stays

from doorbus_testkit.behaviour import Ring
from doorbus_testkit.polling import eventually
from doorbus_testkit.stack import Stack

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECOND = 3
"""The line of the second button."""
HOLD_S = 2.0


def two_buttons(first: str, second: str) -> str:
    """Returns a document with two buttons, each with a phone of its own."""
    whole = document([first], calls={"push_to_hang_up": {"enabled": True, "hold_s": HOLD_S}})
    inputs = [*IO["inputs"], {"id": "button2", "kind": "push_button", "chip": "sim", "line": SECOND}]
    io = {**IO, "inputs": inputs}
    buttons = [{"input": f"button{n}", "call": {"numbers": [uri]}} for n, uri in ((1, first), (2, second))]
    whole = re.sub(r"(?m)^io: .*$", lambda _: f"io: {json.dumps(io)}", whole)
    return re.sub(r"(?m)^buttons: .*$", lambda _: f"buttons: {json.dumps(buttons)}", whole)


async def test_seventeen_numbers_are_refused(door: Stack) -> None:
    """A document with one too many is not applied, and the message names the field."""
    door.write(document([f"192.0.2.{number}" for number in range(1, 18)]))
    status, output = await door.cli("apply", "-f", str(door.document_file))
    assert status != 0
    assert "buttons[0].call.numbers" in output
    assert "16" in output


async def test_of_callers_at_the_same_moment_one_rings(door: Stack, phone: NewPhone) -> None:
    """Eight INVITEs at once: one rings, seven get 486; when it gives up, the next caller rings."""
    await door.apply(document())
    phones = [await phone(user=f"c{number}") for number in range(8)]
    calls = await asyncio.gather(*(each.invite(door.uri) for each in phones))

    def decided() -> bool:
        return all("ringing" in call.times or call.final is not None for call in calls)

    await eventually(decided, ANSWER_S, what="each caller rings or is refused")
    ringing = [call for call in calls if call.final is None]
    assert len(ringing) == 1
    assert [call.final.status for call in calls if call.final is not None] == [486] * 7
    ringing[0].cancel()
    await ringing[0].wait_final()
    await door.event("call.ended", reason="remote_hangup")
    again = await phones[0].invite(door.uri)
    await again.wait("ringing")
    again.cancel()


async def test_of_two_buttons_at_once_the_first_calls(door: Stack, phone: NewPhone) -> None:
    """Both lines fall in the same moment: one phone rings, the other button says `hold`; later either one hangs up."""
    phones = [await phone(Ring(), user="first"), await phone(Ring(), user="second")]
    await door.apply(two_buttons(phones[0].uri, phones[1].uri))
    await asyncio.gather(door.chip.press(BUTTON), door.chip.press(SECOND))
    await eventually(lambda: len(door.told("button.activated")) == 2, what="both presses are told")
    made, held = door.told("button.activated")
    assert (made.data["does"], held.data["does"], held.data["why"]) == ("call", "nothing", "hold")
    rung = phones[0] if made.data["input"] == "button1" else phones[1]
    call = await rung.wait_call()
    await stays(lambda: sum(len(each.calls) for each in phones) == 1, HOLD_S + 0.2)
    await door.chip.press(SECOND if made.data["input"] == "button1" else BUTTON)
    await call.wait("ended")
    assert call.ended_by == "cancel"
    assert (await door.event("call.ended")).data["reason"] == "push_button"


async def test_an_impatient_finger_makes_one_call(door: Stack, phone: NewPhone) -> None:
    """Five presses within hold: one INVITE, and each press is told; none ends the call."""
    one = await phone(Ring())
    await door.apply(document([one.uri], calls={"push_to_hang_up": {"enabled": True, "hold_s": 30}}))
    for _ in range(5):
        await press(door)
    call = await one.wait_call()
    await eventually(lambda: len(door.told("button.activated")) == 5, what="each press is told")
    assert [told.data["does"] for told in door.told("button.activated")] == ["call"] + ["nothing"] * 4
    assert (len(one.calls), call.state) == (1, "ringing")
