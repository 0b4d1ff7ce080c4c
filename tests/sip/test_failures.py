"""Final answers that are no refusal: a leg is told to have failed with exactly the code that came."""

import pytest
from tests.sip.conftest import MakeDoor

from doorbus_sip import facts
from doorbus_sip.facts import Reason
from doorbus_sip.limits import Limits
from doorbus_testkit.wire import WirePhone

ELSEWHERE = {"Contact": "<sip:one@127.0.0.1:9>, <sip:two@127.0.0.1:9>"}
CHALLENGE = 'Digest realm="test", nonce="0123456789abcdef", algorithm=MD5'


@pytest.mark.parametrize(
    ("code", "headers"),
    [
        (300, ELSEWHERE),
        (301, ELSEWHERE),
        (302, ELSEWHERE),
        (302, {"Contact": "nonsense"}),
        (305, ELSEWHERE),
        (380, {}),
        (401, {"WWW-Authenticate": CHALLENGE}),
        (407, {"Proxy-Authenticate": CHALLENGE}),
        (422, {}),
        (488, {}),
        (500, {}),
    ],
)
async def test_code_is_told(make_door: MakeDoor, code: int, headers: dict[str, str]) -> None:
    """The code of the answer is the leg's and the call's; nobody else is dialed, and the same phone not again."""
    door = await make_door()
    async with WirePhone() as phone:
        await door.engine.dial("c", None, (("l", phone.uri),), Limits())
        (await phone.wait_call()).respond(code, headers=headers)
        ended = await door.wait(facts.CallEnded)
        assert len(phone.received("INVITE")) == 1
    assert code == door.told(facts.LegFailed)[0].code
    assert (Reason.NO_ROUTE, code) == (ended.reason, ended.code)


async def test_short_session_timer_is_tried_again(make_door: MakeDoor) -> None:
    """A 422 with the phone's Min-SE brings a second INVITE with that interval (RFC 4028, 7.3), which is answered."""
    door = await make_door()
    async with WirePhone() as phone:
        await door.engine.dial("c", None, (("l", phone.uri),), Limits())
        call = await phone.wait_call()
        call.respond(422, headers={"Min-SE": "2500"})
        again = await phone.wait_received("INVITE", 2)
        await door.wait(facts.CallAnswered)
        await door.engine.hangup("c")
        await door.wait(facts.CallEnded)
    assert again.message.required("Min-SE") == "2500"
    assert int(again.message.required("Session-Expires").partition(";")[0]) >= 2500


async def test_unacknowledged_answer_is_a_lost_call(make_door: MakeDoor) -> None:
    """A caller who never acknowledges the 200 is gone: after 64 T1 (RFC 3261, 13.3.1.4) the call ends as media_failed.

    The calls before it, one in each of the four slots, were ended by their caller. The transactions of those BYEs end
    32 s later: that must not be taken for a BYE of the call that has their slot now.
    """
    door = await make_door()
    async with WirePhone() as phone:
        for number in (1, 2, 3, 4):
            before = await phone.invite(door.uri)
            await door.engine.answer((await door.wait(facts.IncomingCall, number)).call, Limits())
            await door.wait(facts.CallAnswered, number)
            before.bye()
            await door.wait(facts.CallEnded, number)
        call = await phone.invite(door.uri)
        call.auto_ack = False
        await door.engine.answer((await door.wait(facts.IncomingCall, 5)).call, Limits())
        ended = await door.wait(facts.CallEnded, 5, 45)
    assert ended.reason == Reason.MEDIA_FAILED
    assert ended.duration_s == 0
