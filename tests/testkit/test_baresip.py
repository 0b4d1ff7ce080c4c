"""Baresip in network namespaces: the peer for interoperability tests, and the namespaces themselves."""

import socket
import subprocess

import pytest

from doorbus_testkit.baresip import Baresip
from doorbus_testkit.behaviour import Answer
from doorbus_testkit.netns import Namespaces
from doorbus_testkit.phone import SipPhone
from doorbus_testkit.polling import eventually
from doorbus_testkit.tones import tone_level, tone_share

pytestmark = pytest.mark.netns


async def test_two_baresips_hear_each_others_tones() -> None:
    """Two peers in two namespaces call each other, by hand answered, with audio both ways, and hang up."""
    with Namespaces(2) as (here, there):
        async with Baresip(here, "a", hz=400) as caller, Baresip(there, "b", hz=1000) as callee:
            await caller.dial(callee.uri)
            await callee.wait_for("incoming")
            await caller.wait_for("ringing")
            await callee.accept()
            await caller.wait_for("answered")
            await eventually(lambda: tone_level(caller.heard, 1000) > 0.2, what="the caller hears the callee")
            await eventually(lambda: tone_level(callee.heard, 400) > 0.2, what="the callee hears the caller")
            assert tone_share(caller.heard, 400) < 0.1
            assert tone_share(callee.heard, 1000) < 0.1
            await caller.hangup()
            await callee.wait_for("ended")
            assert "BYE sip:" in callee.log_text()


async def test_our_phone_calls_a_baresip_that_answers_by_itself() -> None:
    """SipPhone, run inside a namespace, and baresip interoperate: audio both ways, hold and digits from baresip."""
    with Namespaces(2) as (here, there):
        phone = SipPhone("phone", Answer(), host=here.address, hz=700, prefix=here.prefix)
        async with phone, Baresip(there, "b", hz=1000, auto_answer=True) as peer:
            await phone.call(peer.uri)
            await phone.wait_for("answered")
            await eventually(lambda: tone_level(phone.heard, 1000) > 0.2, what="the phone hears baresip")
            await eventually(lambda: tone_level(peer.heard, 700) > 0.2, what="baresip hears the phone")
            await peer.send_digits("19#")
            await eventually(lambda: phone.digits == "19#", what="baresip's digits")
            await peer.hold()
            assert (await phone.wait_for("held")).detail["by_remote"]
            await peer.resume()
            await phone.wait_for("resumed")
            await phone.hangup()
            await peer.wait_for("ended")


def test_hosts_reach_each_other_and_are_gone_afterwards() -> None:
    """A datagram passes between two of three hosts; after the context no namespace of theirs is left."""
    with Namespaces(3) as hosts:
        names = {host.name for host in hosts}
        with hosts[0].entered():
            sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with hosts[2].entered():
            receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with sender, receiver:
            receiver.bind((hosts[2].address, 5060))
            receiver.settimeout(5)
            sender.sendto(b"hello", (hosts[2].address, 5060))
            data, peer = receiver.recvfrom(100)
        assert (b"hello", hosts[0].address) == (data, peer[0])
        assert names <= _namespaces()
    assert not names & _namespaces()


def test_namespaces_are_gone_after_an_error() -> None:
    """An error inside the context removes them all the same."""
    namespaces = Namespaces(1)
    with pytest.raises(ZeroDivisionError), namespaces:
        _ = 1 / 0
    assert not {host.name for host in namespaces.hosts} & _namespaces()


def _namespaces() -> set[str]:
    listed = subprocess.run(["ip", "netns"], check=True, capture_output=True, text=True).stdout
    return {line.split()[0] for line in listed.splitlines() if line}
