"""Which packets are a listener's stream."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from doorbus.rtp.packet import Packet
from doorbus.rtp.payloads import formats
from doorbus_multicast.intake import QUIET_S, Drop, Intake

A, B = ("10.77.0.2", 4000), ("10.77.0.3", 4000)
END_S = 0.5


def packet(sequence: int, ssrc: int = 1, *, timestamp: int | None = None, kind: int = 0, size: int = 160) -> bytes:
    """Returns a packet of 20 ms."""
    return Packet(kind, sequence, sequence * 160 if timestamp is None else timestamp, ssrc, bytes(size)).encode()


def intake() -> Intake:
    """Returns a new listener's."""
    return Intake(formats({}), END_S)


def test_the_first_packet_begins_a_stream_at_once() -> None:
    """No probation where nobody sends: it would cost 20 ms."""
    taken = intake().take(packet(9), A, 0.0)
    assert not isinstance(taken, Drop)
    assert (taken[0], len(taken[1])) == (True, 1)


def test_what_is_no_sound_is_dropped_by_its_reason() -> None:
    """Rubbish, RTCP, unknown types, impossible sizes."""
    listener = intake()
    assert Drop.MALFORMED is listener.take(b"hello", A, 0.0)
    assert Drop.RTCP is listener.take(bytes([0x80, 200]) + bytes(20), A, 0.0)
    assert Drop.PAYLOAD_TYPE is listener.take(packet(1, kind=96), A, 0.0)
    assert Drop.PAYLOAD_SIZE is listener.take(packet(1, size=1601), A, 0.0)
    assert listener.ssrc is None


def test_numbers_go_on_beyond_their_wrap() -> None:
    """Sequence and timestamp of 40,000 packets, out of order by one here and there, keep their order."""
    listener = intake()
    numbers = []
    for index in range(40_000):
        swapped = index ^ 1 if index % 100 < 2 else index
        taken = listener.take(packet(65_000 + swapped, timestamp=0xFFFFFF00 + 160 * swapped), A, index * 0.02)
        assert not isinstance(taken, Drop)
        numbers.append((taken[1][0].number, taken[1][0].timestamp, swapped))
    first = numbers[0]
    assert all(number - first[0] == index - first[2] for number, _, index in numbers)
    assert all(timestamp - first[1] == 160 * (index - first[2]) for _, timestamp, index in numbers)


def test_a_sender_that_begins_anew_loses_nothing() -> None:
    """Another SSRC straight after the old one is a new stream, from its first packet on, within 80 ms."""
    listener = intake()
    for index in range(10):
        listener.take(packet(index), A, index * 0.02)
    began = None
    for index in range(10):
        taken = listener.take(packet(500 + index, 2), A, 0.2 + index * 0.02)
        if began is None and not isinstance(taken, Drop):
            began = taken
            assert index <= 3
            assert index + 1 == len(taken[1])
    assert began is not None
    assert began[0]
    assert listener.ssrc == 2


def test_two_senders_at_once_do_not_chop_each_other_up() -> None:
    """The one that came first is heard as long as it sends; then the other."""
    listener = intake()
    for index in range(50):
        now = index * 0.02
        assert not isinstance(listener.take(packet(index), A, now), Drop)
        assert Drop.OTHER_STREAM is listener.take(packet(index, 2), B, now + 0.01)
    late = [listener.take(packet(50 + index, 2), B, 1.0 + index * 0.02) for index in range(4)]
    assert listener.ssrc == 2
    assert sum(not isinstance(taken, Drop) and taken[0] for taken in late) == 1


def test_the_same_ssrc_from_elsewhere_is_another_stream() -> None:
    """A foreign host cannot speak in a sender's name while it sends (RFC 3550, section 8.2)."""
    listener = intake()
    listener.take(packet(1), A, 0.0)
    assert Drop.OTHER_STREAM is listener.take(packet(2), B, 0.01)


@given(st.lists(st.integers(2, 0xFFFFFFFF), min_size=1, max_size=300, unique=True))
def test_random_ssrcs_never_take_over(ssrcs: list[int]) -> None:
    """One packet of each of many senders, between those of a stream and long after its last one, begins nothing."""
    listener = intake()
    listener.take(packet(0), A, 0.0)
    for index, ssrc in enumerate(ssrcs):
        taken = listener.take(packet(index * 7, ssrc), B, QUIET_S + index * 0.001)
        assert Drop.OTHER_STREAM is taken
    assert listener.ssrc == 1


def test_after_its_end_anybody_begins_at_once() -> None:
    """`end_ms` after the last packet the listener is free; the same SSRC is another stream, too."""
    listener = intake()
    listener.take(packet(0), A, 0.0)
    taken = listener.take(packet(1), A, END_S)
    assert not isinstance(taken, Drop)
    assert taken[0]


def test_a_jump_counts_when_the_next_packet_follows_it() -> None:
    """One stray packet is dropped; a sender that really jumped goes on with the second."""
    listener = intake()
    listener.take(packet(0), A, 0.0)
    assert Drop.JUMP is listener.take(packet(40_000), A, 0.02)
    assert not isinstance(listener.take(packet(1), A, 0.04), Drop)
    assert Drop.JUMP is listener.take(packet(50_000), A, 0.06)
    numbers = []
    for index in range(1, 5):
        taken = listener.take(packet(50_000 + index), A, 0.06 + index * 0.02)
        assert not isinstance(taken, Drop)
        numbers.append(taken[1][0].number)
    assert [numbers[0] + index for index in range(4)] == numbers
