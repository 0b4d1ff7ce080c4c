"""Linphone in a network namespace, the second phone that nobody here wrote, against our own phone."""

from typing import Literal

import pytest

from doorbus_testkit.behaviour import Answer
from doorbus_testkit.linphone import Linphone
from doorbus_testkit.netns import Namespaces
from doorbus_testkit.phone import SipPhone
from doorbus_testkit.polling import eventually
from doorbus_testkit.tones import tone_level, tone_share

pytestmark = pytest.mark.netns


@pytest.mark.parametrize(("dtmf", "method"), [("rfc4733", "rfc4733"), ("info", "info_relay")])
async def test_linphone_calls_our_phone(dtmf: Literal["rfc4733", "info"], method: str) -> None:
    """Linphone calls, is heard and hears, sends digits by the method that was asked for, and hangs up."""
    with Namespaces(2) as (here, there):
        phone = SipPhone("phone", Answer(0.3), host=here.address, hz=700, prefix=here.prefix)
        async with phone, Linphone(there, "b", hz=1000, dtmf=dtmf) as peer:
            await peer.dial(phone.uri)
            await peer.wait_for("ringing")
            await peer.wait_for("answered")
            await eventually(lambda: tone_level(phone.heard, 1000) > 0.1, what="the phone hears linphone")
            await eventually(lambda: tone_level(peer.heard, 700) > 0.1, what="linphone hears the phone")
            assert tone_share(peer.heard, 1000) < 0.1
            await peer.send_digits("19#")
            await eventually(lambda: phone.digits == "19#", what="linphone's digits")
            assert {event.detail["method"] for event in phone.of("dtmf")} == {method}
            await peer.hangup()
            await phone.wait_for("ended")
            await peer.wait_for("ended")


async def test_our_phone_calls_linphone() -> None:
    """Linphone rings until it is answered by hand, holds and resumes, and sees the far side's end."""
    with Namespaces(2) as (here, there):
        phone = SipPhone("phone", host=here.address, hz=700, prefix=here.prefix)
        async with phone, Linphone(there, "b", hz=1000) as peer:
            await phone.call(peer.uri)
            await peer.wait_for("incoming")
            await phone.wait_for("ringing")
            assert not phone.of("answered")
            await peer.accept()
            await phone.wait_for("answered")
            await eventually(lambda: tone_level(phone.heard, 1000) > 0.1, what="the phone hears linphone")
            await peer.hold()
            assert (await phone.wait_for("held")).detail["by_remote"]
            await peer.resume()
            await phone.wait_for("resumed")
            await phone.hangup()
            await peer.wait_for("ended")
