"""RTP packets are read strictly (RFC 3550, section 5.1); payload types mean what RFC 3551 says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorbus.rtp.packet import Packet, Refused, parse
from doorbus.rtp.payloads import STATIC, Codec, Format, formats, read_format
from doorbus_testkit.rtp import RtpPacket

PLAIN = Packet(0, 7, 160, 0x1234, b"sound").encode()


def with_first(first: int, rest: bytes) -> bytes:
    """Returns the plain packet with another first byte and what follows its header."""
    return bytes([first]) + PLAIN[1:12] + rest


@given(
    st.integers(0, 63),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.binary(min_size=1, max_size=400),
    st.booleans(),
)
def test_a_packet_comes_back(kind: int, seq: int, timestamp: int, ssrc: int, payload: bytes, marker: bool) -> None:
    """What is written is read again, by us and by the testkit's own parser."""
    packet = Packet(kind, seq, timestamp, ssrc, payload, marker)
    assert packet == parse(packet.encode())
    theirs = RtpPacket.parse(packet.encode())
    assert (kind, seq, timestamp, ssrc, payload, marker) == (
        theirs.payload_type,
        theirs.sequence,
        theirs.timestamp,
        theirs.ssrc,
        theirs.payload,
        theirs.marker,
    )


@pytest.mark.parametrize(
    ("data", "payload"),
    [
        (with_first(0x82, b"\0" * 8 + b"sound"), b"sound"),
        (with_first(0x90, b"\xbe\xde\0\1abcdsound"), b"sound"),
        (with_first(0x90, b"\xbe\xde\0\0sound"), b"sound"),
        (with_first(0xA0, b"sound\0\0\3"), b"sound"),
        (with_first(0xB1, b"\0" * 4 + b"\0\0\0\1abcd" + b"sound\1"), b"sound"),
    ],
    ids=["two sources", "extension", "empty extension", "padding", "all of them"],
)
def test_what_surrounds_the_payload_is_left_out(data: bytes, payload: bytes) -> None:
    """Contributing sources, extension and padding are no sound."""
    packet = parse(data)
    assert isinstance(packet, Packet)
    assert payload == packet.payload


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", Refused.SHORT),
        (PLAIN[:11], Refused.SHORT),
        (with_first(0x40, b"sound"), Refused.VERSION),
        (with_first(0x00, b"sound"), Refused.VERSION),
        (bytes([0x80, 200]) + PLAIN[2:], Refused.RTCP),
        (with_first(0x8F, b"\0" * 59), Refused.CSRC),
        (with_first(0x90, b"\0\0\0"), Refused.EXTENSION),
        (with_first(0x90, b"\0\0\xff\xffsound"), Refused.EXTENSION),
        (with_first(0xA0, b"sound\0"), Refused.PADDING),
        (with_first(0xA0, b"sound\xff"), Refused.PADDING),
        (with_first(0xA0, b"\1"), Refused.EMPTY),
        (PLAIN[:12], Refused.EMPTY),
    ],
)
def test_what_breaks_its_promise_is_refused(data: bytes, why: Refused) -> None:
    """A field that says more than the datagram holds, another version and RTCP are no packets; neither is no sound."""
    assert why is parse(data)


@given(st.binary(max_size=200))
def test_no_bytes_are_too_strange(data: bytes) -> None:
    """Any datagram is a packet or is refused; nothing is raised."""
    assert isinstance(parse(memoryview(data)), Packet | Refused)


def test_static_payload_types() -> None:
    """0, 8, 9, 10 and 11 are what RFC 3551 says; G.722 has 16,000 samples a second on a clock of 8,000."""
    told = {number: (str(form), form.rate) for number, form in STATIC.items()}
    assert told == {
        0: ("PCMU/8000", 8000),
        8: ("PCMA/8000", 8000),
        9: ("G722/8000", 16000),
        10: ("L16/44100/2", 44100),
        11: ("L16/44100", 44100),
    }


def test_a_listener_adds_dynamic_types() -> None:
    """The document's words are read, and stand beside the static ones."""
    known = formats({96: "L16/16000/1", 97: "L16/48000/2"})
    assert known[96] == Format(Codec.L16, 16000) == read_format("L16/16000")
    assert known[97] == Format(Codec.L16, 48000, 2)
    assert known[0] == STATIC[0]


@pytest.mark.parametrize(
    ("form", "size", "frames"),
    [
        (STATIC[0], 160, 160),
        (STATIC[9], 160, 320),
        (STATIC[10], 1764, 441),
        (STATIC[10], 1762, None),
        (STATIC[11], 3, None),
        (STATIC[0], 0, None),
        (STATIC[0], 1600, 1600),
        (STATIC[0], 1601, None),
    ],
)
def test_a_payload_has_whole_samples_and_at_most_200_ms(form: Format, size: int, frames: int | None) -> None:
    """Other sizes are no packet of that type."""
    assert frames == form.frames(size)
