"""Mutations of start line and headers (RFC 3261), of requests and responses."""

import random

from tests.sip.torture.draft import NOISE, NUMBERS, Draft, Table, splice

HEAD = Table()
HARMLESS = Table()
"""Mutations that leave a message valid (RFC 3261, 7.3.1 to 7.3.3): it must be answered as before."""

COMPACT = {
    b"Call-ID": b"i",
    b"From": b"f",
    b"To": b"t",
    b"Via": b"v",
    b"Contact": b"m",
    b"Content-Type": b"c",
    b"Subject": b"s",
    b"Supported": b"k",
}
_MORE: tuple[tuple[bytes, bytes], ...] = (
    (b"Call-Info", b"<sip:x>;answer-after=" + b"9" * 60),
    (b"Call-Info", b";answer-after=0;" * 60),
    (b"Alert-Info", b"<http://127.0.0.1/" + b"x" * 300 + b">;info=alert-autoanswer"),
    (b"Answer-Mode", b"Auto;require"),
    (b"Require", b"100rel"),
    (b"Require", b"timer, replaces, " + b"x" * 200),
    (b"Supported", b"100rel, timer, replaces, outbound, " + b"y," * 200),
    (b"Session-Expires", b"0"),
    (b"Session-Expires", b"90;refresher=nobody"),
    (b"Session-Expires", b"99999999999999999999"),
    (b"Min-SE", b"-1"),
    (b"Min-SE", b"4294967295"),
    (b"Replaces", b"nocall;to-tag=a;from-tag=b"),
    (b"Replaces", b";;;=;"),
    (b"Join", b"x;to-tag=1;from-tag=2"),
    (b"Refer-To", b"<sip:x@127.0.0.1>"),
    (b"P-Asserted-Identity", b"\xff\xfe<sip:\x00@>"),
    (b"Expires", b"0"),
    (b"Expires", b"99999999999999999999"),
    (b"Timestamp", b"-1.-1"),
    (b"Date", b"never"),
    (b"RSeq", b"1"),
    (b"RAck", b"1 1 INVITE"),
    (b"Accept", b"*/*;q=nine"),
    (b"Allow", b"," * 300),
    (b"Authorization", b'Digest username="\xff",realm="",nonce=,uri=,response='),
    (b"Proxy-Authorization", b"Digest " + b"a=b," * 100),
    (b"Content-Encoding", b"gzip"),
    (b"Content-Disposition", b"render;handling=required"),
    (b"Content-Type", b"multipart/mixed;boundary=x"),
    (b"Content-Type", b"multipart/mixed"),
    (b"Content-Type", b"application/sdp;" + b"a=b;" * 100),
    (b"Content-Type", b"/"),
    (b"MIME-Version", b"\xff"),
    (b"Route", b"<sip:127.0.0.1;lr>"),
    (b"Record-Route", b"<sip:127.0.0.1:9;lr>"),
    (b"Record-Route", b"<sip:127.0.0.1:9>"),
    (b"Record-Route", b"<sip:[::1]:9;lr>, <tel:1>, <sip:>"),
    (b"Contact", b"*"),
    (b"Contact", b"<tel:+1>"),
    (b"Contact", b"<sip:@>"),
    (b"Contact", b"<sip:127.0.0.1:99999>"),
    (b"Contact", b"<sips:x@127.0.0.1>"),
    (b"Contact", b"<sip:x@[::1]:5060;transport=tcp>"),
    (b"Contact", b"<sip:x@127.0.0.1:9;transport=nosuch>"),
    (b"Contact", b"<sip:a@127.0.0.1:9>," * 30 + b"<sip:b@127.0.0.1:9>"),
    (b"Via", b"SIP/2.0/UDP 127.0.0.1:9"),
    (b"Via", b"SIP/2.0/UDP [::1]:9;branch=z9hG4bKsix"),
    (b"Via", b"SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bKtcp;rport=70000;received=999.9.9.9"),
    (b"From", b"<sip:x@127.0.0.1>"),
    (b"From", b"<sip:x@127.0.0.1>;tag="),
    (b"From", b"<sip:\xff\xfe\xed\xa0\x80@127.0.0.1>;tag=utf"),
    (b"From", b"<tel:+4930>;tag=tel"),
    (b"From", b'"' + b"n" * 2000 + b'" <sip:' + b"u" * 800 + b"@127.0.0.1>;tag=long"),
    (b"To", b"<sip:door@127.0.0.1>;tag=nodialog"),
    (b"To", b"<sip:door@127.0.0.1>;tag="),
    (b"CSeq", b"0 INVITE"),
    (b"CSeq", b"4294967295 INVITE"),
    (b"CSeq", b"4294967296 INVITE"),
    (b"CSeq", b"-1 INVITE"),
    (b"CSeq", b"1 invite"),
    (b"CSeq", b"1 OPTIONS"),
    (b"CSeq", b"INVITE"),
    (b"Max-Forwards", b"0"),
    (b"Max-Forwards", b"-1"),
    (b"Call-ID", b""),
    (b"Call-ID", b"\xff" * 200),
)


@HARMLESS.add
def compact(_: random.Random, draft: Draft) -> None:
    """Compact names."""
    draft.headers = [(COMPACT.get(name, name), value) for name, value in draft.headers]


@HARMLESS.add
def folded(rng: random.Random, draft: Draft) -> None:
    """Values on lines of their own."""
    pieces = (b"\r\n ", b"\r\n\t", b"\r\n  \t ")
    draft.headers = [(name, rng.choice(pieces) + value) for name, value in draft.headers]


@HARMLESS.add
def name_case(rng: random.Random, draft: Draft) -> None:
    """Names in another case."""
    change = rng.choice((bytes.upper, bytes.lower, bytes.swapcase))
    draft.headers = [(change(name), value) for name, value in draft.headers]


@HARMLESS.add
def reordered(rng: random.Random, draft: Draft) -> None:
    """Headers in another order; there is one Via."""
    rng.shuffle(draft.headers)


@HARMLESS.add
def colons(rng: random.Random, draft: Draft) -> None:
    """White space around the colon."""
    draft.colon = rng.choice((b":", b" : ", b"\t:\t", b":   "))


@HARMLESS.add
def unknown_headers(rng: random.Random, draft: Draft) -> None:
    """Headers that nobody knows."""
    value = rng.choice((b"", b";;,,;", "門鈴".encode(), b"x" * 1000, b'"', b"<"))
    draft.headers += [(b"X-Unheard-Of-%d" % n, value) for n in range(rng.randint(1, 20) if len(value) < 100 else 1)]


@HEAD.add
def header_odd(rng: random.Random, draft: Draft) -> None:
    """A known header with a strange value, instead of the one that is there."""
    draft.put(*rng.choice(_MORE))


@HEAD.add
def header_more(rng: random.Random, draft: Draft) -> None:
    """A known header with a strange value, as well."""
    draft.headers.insert(rng.randint(0, len(draft.headers)), rng.choice(_MORE))


@HEAD.add
def header_gone(rng: random.Random, draft: Draft) -> None:
    """A header less."""
    del draft.headers[rng.randrange(len(draft.headers))]


@HEAD.add
def header_doubled(rng: random.Random, draft: Draft) -> None:
    """A header again and again."""
    at = rng.randrange(len(draft.headers))
    draft.headers[at:at] = [draft.headers[at]] * rng.choice((1, 2, 30))


@HEAD.add
def names_swapped(rng: random.Random, draft: Draft) -> None:
    """Two headers with each other's name."""
    a, b = rng.sample(range(len(draft.headers)), 2)
    (one, first), (other, second) = draft.headers[a], draft.headers[b]
    draft.headers[a], draft.headers[b] = (other, first), (one, second)


@HEAD.add
def value_huge(rng: random.Random, draft: Draft) -> None:
    """A long value: up to more than any buffer holds."""
    at = rng.randrange(len(draft.headers))
    name, value = draft.headers[at]
    draft.headers[at] = (
        name,
        splice(rng, value, rng.choice((b"A", b"%41", b";a", b" ", b"\xff")) * rng.choice((300, 2000))),
    )


@HEAD.add
def value_number(rng: random.Random, draft: Draft) -> None:
    """A number in a value that is none of a header's."""
    at = rng.randrange(len(draft.headers))
    name, value = draft.headers[at]
    words = value.split(b" ")
    words[rng.randrange(len(words))] = rng.choice(NUMBERS)
    draft.headers[at] = (name, b" ".join(words))


@HEAD.add
def value_empty(rng: random.Random, draft: Draft) -> None:
    """A header without a value."""
    at = rng.randrange(len(draft.headers))
    draft.headers[at] = (draft.headers[at][0], rng.choice((b"", b" ", b"\t")))


@HEAD.add
def value_noise(rng: random.Random, draft: Draft) -> None:
    """Bytes in a value that do not belong there."""
    at = rng.randrange(len(draft.headers))
    name, value = draft.headers[at]
    draft.headers[at] = (name, splice(rng, value, rng.choice(NOISE)))


@HEAD.add
def length_wrong(rng: random.Random, draft: Draft) -> None:
    """A Content-Length that is not the body's."""
    draft.length = rng.choice((*NUMBERS, b"%d" % (len(draft.body) - 7), b"%d" % (len(draft.body) + 7), b"12 34"))


@HEAD.add
def start_odd(rng: random.Random, draft: Draft) -> None:
    """A start line that is nearly one."""
    words = draft.start.split(b" ")
    at = rng.randrange(len(words))
    odd = (
        b"",
        b"SIP/2.0",
        b"SIP/3.0",
        b"INVITE",
        b"invite",
        b"sip:",
        b"sip:@",
        b"tel:1",
        b"sips:x@127.0.0.1",
        b"\xff",
        *NUMBERS,
    )
    words[at] = rng.choice(odd)
    draft.start = b" ".join(words)


@HEAD.add
def line_ends_odd(rng: random.Random, draft: Draft) -> None:
    """Line ends of other systems."""
    draft.end = rng.choice((b"\n", b"\r", b"\r\r\n", b"\n\r"))
