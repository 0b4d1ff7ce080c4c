"""The document changes in the middle of a call, or of a relay's pulse."""

from __future__ import annotations

import time
from typing import Any

import pytest
from tests.faults.house import CODE, GATE, LAMP, House, document, for_a_while

from doorbus_testkit.sip_message import uri_of
from doorbus_testkit.wire import WirePhone

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOUSE: dict[str, Any] = {"max_call_s": 8, "lamp_s": 12}
OTHER_CODE = "2580"

ACCOUNT = """
sip:
  listen: {{host: 127.0.0.1, udp: $sip, tcp: $sip}}
  ports: {{dialers: $first-$last, rtp: $rtp-$rtp_last}}
  ip_calls: {{enabled: true, allow: ["127.0.0.0/8"]}}
  accounts:
    - {{id: pbx, aor: "sip:door@127.0.0.1:{port}", registrar: "sip:127.0.0.1:{port}", username: door,
       password: {{env: DOORBUS_SECRET_GATE}}}}
"""


async def _apply(house: House, **changed: Any) -> None:
    await house.stack.apply(document(house.phone_port, **{**HOUSE, **changed}))


async def test_running_call_keeps_its_limit(house: House) -> None:
    """A call keeps the limit it began with, longer or shorter ones are for the next call."""
    async with house.phone() as phone:
        call = await house.talk(phone)
        await _apply(house, max_call_s=3)
        ended = await call.wait("ended", 12.0)
        assert 7.5 < ended - call.times["acknowledged"] < 9.8
        again = await house.talk(phone)
        ended = await again.wait("ended", 8.0)
        assert 2.5 < ended - again.times["acknowledged"] < 4.8
    await _apply(house)


async def test_do_not_disturb_applies_at_once(house: House) -> None:
    """DND turned on in the document refuses the next call while another one goes on, and so does its end."""
    async with house.caller() as friend:
        await _apply(house, dnd="true")
        refused = await friend.invite(house.stack.uri)
        assert (await refused.wait_final(5.0)).status == 486
        await _apply(house, dnd="false")
        rings = await friend.invite(house.stack.uri)
        await rings.wait("ringing", 5.0)
        await _apply(house, dnd="true")
        assert rings.state == "ringing"
        rings.cancel()
        await rings.wait_final(5.0)
    await _apply(house)


async def test_unlock_codes_apply_at_once(house: House) -> None:
    """In a running call the old code is wrong as soon as the document has another one, and the new one opens."""
    async with house.phone() as phone:
        call = await house.talk(phone)
        opened = house.opened()
        await _apply(house, secret="DOORBUS_SECRET_OTHER")
        call.rtp.send_digits(CODE)
        denied = await house.stack.event("door.unlock_denied", 6.0, since=call.times["answered"])
        assert denied.data["why"] == "wrong_code"
        assert opened == house.opened()
        call.rtp.send_digits(OTHER_CODE)
        await house.chip.wait_level(GATE, 1, 4.0)
        assert opened + 1 == house.opened()
    await _apply(house)


async def test_changed_relay_rests_first_and_another_is_left_alone(house: House) -> None:
    """Of two relays that are on, the one that the new document changes rests at once, and the other ends its pulse."""
    await _apply(house, gate_s=16)
    assert (await house.stack.wish("unlock", relay="gate"))["ok"]
    assert (await house.stack.wish("unlock", relay="lamp"))["ok"]
    await house.chip.wait_level(GATE, 1)
    lit = await house.chip.wait_level(LAMP, 1)
    began = time.monotonic()
    await _apply(house, gate_s=1)
    rested = await house.chip.wait_level(GATE, 0, 3.0)
    assert rested - began < 10.0, "its pulse of 16 s was not awaited"
    reset = await house.stack.event("relay.reset", since=began, relay="gate")
    assert reset.data["why"] == "reconfigured"
    assert await house.chip.level(LAMP) == 1
    dark = await house.chip.wait_level(LAMP, 0, 14.0)
    assert 11.5 < dark - lit < 13.5
    await house.unlock()


async def test_removed_accounts_call_ends_in_order(house: House) -> None:
    """A call of an account that the new document has no more ends with BYE, as `shutdown`; a direct call goes on."""
    async with WirePhone(user="pbx") as pbx:
        with_account = ACCOUNT.format(port=pbx.port)
        await _apply(house, more=with_account)
        await house.stack.event("account.registered", 10.0, account="pbx")
        await house.stack.wish("dnd", enabled=False)
        contact = uri_of(pbx.received("REGISTER")[0].message.required("Contact"))
        began = time.monotonic()
        call = await pbx.invite(contact)
        await call.wait("ringing", 5.0)
        incoming = await house.stack.event("call.incoming", since=began)
        assert incoming.data["account"] == "pbx"
        assert (await house.stack.wish("press", input="button1"))["ok"]
        assert (await call.wait_final(5.0)).status == 200
        await _apply(house)
        await call.wait("ended", 5.0)
        assert call.ended_by == "bye"
        told = await house.stack.event("call.ended", since=began)
        assert told.data["reason"] == "shutdown"
    async with house.phone() as phone:
        direct = await house.talk(phone)
        await _apply(house, dnd="true")
        await house.both_ways(direct, 1.0)
        await for_a_while(0.5, lambda: direct.state == "answered", "the direct call ended")
        await house.press()
        await direct.wait("ended", 5.0)
    await _apply(house)
