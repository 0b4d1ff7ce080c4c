"""Mutations of a session description (RFC 8866), for offers and answers."""

import random

from tests.sip.torture.draft import NOISE, NUMBERS, Draft, Table, splice

SDP = Table()

_LINES = (
    b"a=inactive",
    b"a=sendonly",
    b"a=sendrecv",
    b"a=ptime:0",
    b"a=ptime:999999",
    b"a=maxptime:-1",
    b"a=rtcp:0",
    b"a=rtcp:99999 IN IP4 127.0.0.1",
    b"a=rtcp-mux",
    b"a=mid:",
    b"a=group:BUNDLE 0 1 2 3",
    b"a=ice-ufrag:x",
    b"a=candidate:1 1 UDP 1 127.0.0.1 99999 typ host",
    b"a=candidate:",
    b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:",
    b"a=fingerprint:sha-256 00",
    b"a=setup:actpass",
    b"a=fmtp:0 mode=99",
    b"a=fmtp:",
    b"a=rtpmap:",
    b"a=rtpmap:0",
    b"a=rtpmap:0 PCMU",
    b"a=rtpmap:0 PCMU/0",
    b"a=rtpmap:0 PCMU/8000/99",
    b"a=rtpmap:0 PCMU/4294967296",
    b"a=rtpmap:8 G722/8000",
    b"a=rtpmap:-1 PCMU/8000",
    b"a=ssrc:1 cname:",
    b"a=",
    b"a",
    b"=",
    b"b=AS:0",
    b"b=TIAS:99999999999999999999",
    b"b=",
    b"k=clear:",
    b"t=9 8 7",
    b"r=",
    b"z=0",
    b"i=\xff\xfe",
    b"u=x",
    b"m=",
    b"c=",
    b"v=1",
)
_ADDRESSES = (
    b"IN IP4 0.0.0.0",
    b"IN IP4 255.255.255.255",
    b"IN IP4 127.0.0.1/127/3",
    b"IN IP4 999.1.1.1",
    b"IN IP4 ",
    b"IN IP6 ::1",
    b"IN IP6 :::::",
    b"IN IP4 ::1",
    b"XX YY 127.0.0.1",
    b"IN",
    b"",
)
_KINDS = (b"audio", b"video", b"image", b"application", b"message", b"", b"AUDIO", b"audio audio")
_PROFILES = (b"RTP/AVP", b"RTP/SAVP", b"RTP/AVPF", b"UDP/TLS/RTP/SAVPF", b"udptl", b"TCP/RTP/AVP", b"", b"/")


@SDP.add
def connection_gone(_: random.Random, draft: Draft) -> None:
    """No `c=` at all."""
    draft.body = b"\r\n".join(line for line in draft.body.split(b"\r\n") if not line.startswith(b"c="))


@SDP.add
def connection_odd(rng: random.Random, draft: Draft) -> None:
    """A `c=` that names no address of a phone."""
    _replace(draft, b"c=", b"c=" + rng.choice(_ADDRESSES))


@SDP.add
def media_port(rng: random.Random, draft: Draft) -> None:
    """A port that is none."""
    port = rng.choice((*NUMBERS, b"40000/4", b"40000/0", b"40000/99999"))
    _replace(draft, b"m=", b"m=audio %s RTP/AVP 0 101" % port)


@SDP.add
def media_line(rng: random.Random, draft: Draft) -> None:
    """Another kind, another profile, or no formats."""
    formats = rng.choice((b" 0", b"", b" 0 0 0", b" 96", b" *", b" " + b" ".join(b"%d" % n for n in range(128))))
    _replace(draft, b"m=", b"m=%s 40000 %s%s" % (rng.choice(_KINDS), rng.choice(_PROFILES), formats))


@SDP.add
def media_many(rng: random.Random, draft: Draft) -> None:
    """Many media lines, most of audio."""
    kind = rng.choice((b"audio", b"audio", b"video", b"application"))
    draft.body += b"m=%s 40002 RTP/AVP 0\r\n" % kind * rng.choice((1, 2, 3, 15, 16, 17, 60, 100))


@SDP.add
def payload_unknown(rng: random.Random, draft: Draft) -> None:
    """Payload types that nobody knows, or twice."""
    types = [
        rng.choice((b"0", b"8", b"9", b"77", b"127", b"128", b"255", b"-5", b"x")) for _ in range(rng.randint(1, 40))
    ]
    _replace(draft, b"m=", b"m=audio 40000 RTP/AVP " + b" ".join(types))
    draft.body += b"".join(b"a=rtpmap:%s NOBODY/8000\r\n" % each for each in types[:10])


@SDP.add
def telephone_event(rng: random.Random, draft: Draft) -> None:
    """Telephone events with another payload type, clock or range (RFC 4733, 2.4.1)."""
    number = rng.choice((b"0", b"96", b"101", b"127", b"128", b"300", b"-1", b"x"))
    clock = rng.choice((b"8000", b"0", b"1", b"48000", b"-8000", b"99999999999", b""))
    events = rng.choice((b"0-15", b"0-16", b"0-255,300", b"15-0", b"", b"-", b"x", b"0,1,2,3" * 50))
    _replace(draft, b"m=", b"m=audio 40000 RTP/AVP 0 " + number)
    draft.body += b"a=rtpmap:%s telephone-event/%s\r\na=fmtp:%s %s\r\n" % (number, clock, number, events)


@SDP.add
def huge(rng: random.Random, draft: Draft) -> None:
    """A long line, or very many short ones."""
    draft.body += rng.choice((b"a=x:" + b"y" * 2500 + b"\r\n", b"a=x\r\n" * 400, b"i=" + b"\xc3\xa4" * 1000 + b"\r\n"))


@SDP.add
def line_more(rng: random.Random, draft: Draft) -> None:
    """A strange line somewhere."""
    lines = draft.body.split(b"\r\n")
    lines.insert(rng.randint(0, len(lines)), rng.choice(_LINES))
    draft.body = b"\r\n".join(lines)


@SDP.add
def line_gone(rng: random.Random, draft: Draft) -> None:
    """A line less."""
    lines = draft.body.split(b"\r\n")
    del lines[rng.randrange(len(lines))]
    draft.body = b"\r\n".join(lines)


@SDP.add
def lines_shuffled(rng: random.Random, draft: Draft) -> None:
    """The lines in another order."""
    lines = draft.body.split(b"\r\n")
    rng.shuffle(lines)
    draft.body = b"\r\n".join(lines)


@SDP.add
def line_doubled(rng: random.Random, draft: Draft) -> None:
    """A line again and again."""
    lines = draft.body.split(b"\r\n")
    at = rng.randrange(len(lines))
    draft.body = b"\r\n".join(lines[:at] + [lines[at]] * rng.choice((2, 3, 40)) + lines[at + 1 :])


@SDP.add
def origin_odd(rng: random.Random, draft: Draft) -> None:
    """An `o=` with numbers too large, or parts missing."""
    number = rng.choice(NUMBERS)
    _replace(
        draft,
        b"o=",
        rng.choice((b"o=- %s %s IN IP4 127.0.0.1" % (number, number), b"o=", b"o=- 1", b"o=" + b"x" * 900)),
    )


@SDP.add
def line_ends(rng: random.Random, draft: Draft) -> None:
    """Line ends of other systems, or none at the end."""
    draft.body = rng.choice(
        (
            draft.body.replace(b"\r\n", b"\n"),
            draft.body.replace(b"\r\n", b"\r"),
            draft.body.rstrip(),
            b"\r\n" + draft.body,
        )
    )


@SDP.add
def noise(rng: random.Random, draft: Draft) -> None:
    """Bytes that do not belong there."""
    for _ in range(rng.randint(1, 4)):
        draft.body = splice(rng, draft.body, rng.choice(NOISE))


@SDP.add
def number_odd(rng: random.Random, draft: Draft) -> None:
    """One of the words is a strange number."""
    words = draft.body.split(b" ")
    words[rng.randrange(len(words))] = rng.choice(NUMBERS)
    draft.body = b" ".join(words)


@SDP.add
def cut_short(rng: random.Random, draft: Draft) -> None:
    """Only its beginning."""
    draft.body = draft.body[: rng.randint(0, len(draft.body))]


def _replace(draft: Draft, begin: bytes, line: bytes) -> None:
    lines = draft.body.split(b"\r\n")
    draft.body = b"\r\n".join(line if each.startswith(begin) else each for each in lines)
