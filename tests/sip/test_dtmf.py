"""Digits by each of the three methods that phones use."""

import pytest
from tests.sip.conftest import Door, MakeDoor

from doorbus.contract.calls import DtmfMethod
from doorbus_sip import facts
from doorbus_sip.limits import Limits
from doorbus_testkit.behaviour import Answer
from doorbus_testkit.polling import eventually
from doorbus_testkit.wire import WirePhone
from doorbus_testkit.wire_endpoint import ClientTransaction


def digits(door: Door) -> str:
    return "".join(fact.digit for fact in door.told(facts.DtmfDigit))


async def final_status(transaction: ClientTransaction) -> int:
    return (await eventually(lambda: transaction.final, what="final response")).message.status


@pytest.mark.parametrize(
    ("content_type", "body", "method"),
    [
        ("application/dtmf-relay", b"Signal=%s\r\nDuration=160\r\n", DtmfMethod.INFO_RELAY),
        ("application/dtmf", b"%s", DtmfMethod.INFO_DTMF),
    ],
)
async def test_digits_in_info(make_door: MakeDoor, content_type: str, body: bytes, method: DtmfMethod) -> None:
    """Digits in both INFO bodies are told in order, once each, and the INFO gets 200."""
    door = await make_door()
    async with WirePhone(Answer()) as phone:
        await door.engine.dial("c", None, (("l", phone.uri),), Limits())
        await door.wait(facts.CallAnswered)
        call = await phone.wait_call()
        finals = [await final_status(call.info(content_type, body % digit)) for digit in (b"1", b"*", b"0", b"#")]
        await eventually(lambda: len(digits(door)) == 4, what="four digits")
    assert digits(door) == "1*0#"
    assert {method} == {fact.method for fact in door.told(facts.DtmfDigit)}
    assert finals == [200] * 4


async def test_digits_in_rtp_and_only_the_first_method_counts(make_door: MakeDoor) -> None:
    """RTP events are told; the same digits in INFO after them are dropped, so that nothing is typed twice."""
    door = await make_door()
    async with WirePhone(Answer(), rtp=True) as phone:
        await door.engine.dial("c", None, (("l", phone.uri),), Limits())
        await door.wait(facts.CallAnswered)
        call = await phone.wait_call()
        call.send_audio()
        call.rtp.send_digits("12")
        await eventually(lambda: digits(door) == "12", what="digits 12")
        transaction = call.info("application/dtmf-relay", b"Signal=9\r\nDuration=160\r\n")
        await eventually(lambda: transaction.final, what="response to INFO")
        call.rtp.send_digits("3")
        await eventually(lambda: len(digits(door)) == 3, what="the third digit")
    assert digits(door) == "123"
    assert {DtmfMethod.RFC4733} == {fact.method for fact in door.told(facts.DtmfDigit)}


def test_digits_are_not_in_a_facts_text() -> None:
    """Printing a fact, in a log for instance, shows no digit."""
    assert "'7'" not in repr(facts.DtmfDigit("c", "7", DtmfMethod.RFC4733))
