"""RFC 4475, 3.1.2: not valid. An endpoint answers 400, or repairs what cannot be misread, or drops it.

On a datagram a stack that cannot read a request at all may be silent; a call must come of none that names two things.
"""

from tests.sip.torture.case import DECIDED, SILENCE, Case, Place, plain
from tests.sip.torture.syntax_valid import case

UNREADABLE = (400, SILENCE)


def badinv01(place: Place) -> bytes:
    """3.1.2.1."""
    return plain(place, "INVITE", via=f"{place.via};;,;,,", contact=f'"Vera" <sip:visitor@{place.me}>;;;;')


def clerr(place: Place) -> bytes:
    """3.1.2.2."""
    return plain(place, "INVITE", content_length="9999")


def ncl(place: Place) -> bytes:
    """3.1.2.3."""
    return plain(place, "INVITE", content_length="-999")


def scalar02(place: Place) -> bytes:
    """3.1.2.4; each number is more than its field may hold."""
    return plain(
        place,
        "REGISTER",
        cseq="36893488147419103232 REGISTER",
        max_forwards="300",
        expires="1" + "0" * 70,
        contact=f"<sip:visitor@{place.me}>;expires=280297596632815",
    )


def scalarlg(place: Place) -> bytes:
    """3.1.2.5."""
    return plain(
        place,
        "OPTIONS",
        start="SIP/2.0 503 Service Unavailable",
        cseq="9292394834772304023312 OPTIONS",
        to=f"<{place.uri}>;tag=t{place.token}",
        retry_after="949302838503028349304023988",
        warning='1812 door "All lines are busy"',
    )


def quotbal(place: Place) -> bytes:
    """3.1.2.6."""
    return plain(place, "INVITE", to=f'"Front door <{place.uri}>')


def ltgtruri(place: Place) -> bytes:
    """3.1.2.7."""
    return plain(place, "INVITE", start=f"INVITE <{place.uri}> SIP/2.0")


def lwsruri(place: Place) -> bytes:
    """3.1.2.8."""
    return plain(place, "INVITE", start=f"INVITE {place.uri}; lr SIP/2.0")


def lwsstart(place: Place) -> bytes:
    """3.1.2.9."""
    return plain(place, "INVITE", start=f"INVITE  {place.uri}  SIP/2.0")


def trws(place: Place) -> bytes:
    """3.1.2.10."""
    return plain(place, "OPTIONS", start=f"OPTIONS {place.uri} SIP/2.0  ")


def escruri(place: Place) -> bytes:
    """3.1.2.11."""
    return plain(place, "INVITE", start=f"INVITE {place.uri}?Route=%3Csip:127.0.0.1%3E SIP/2.0")


def baddate(place: Place) -> bytes:
    """3.1.2.12."""
    return plain(place, "INVITE", date="Fri, 01 Jan 2010 16:00:00 EST")


def regbadct(place: Place) -> bytes:
    """3.1.2.13."""
    return plain(place, "REGISTER", contact=f"sip:visitor@{place.me}?Route=%3Csip:127.0.0.1%3E")


def badaspec(place: Place) -> bytes:
    """3.1.2.14."""
    return plain(place, "OPTIONS", to=f'"Door, Front" < {place.uri} >')


def baddn(place: Place) -> bytes:
    """3.1.2.15."""
    return plain(place, "OPTIONS", from_=f"Itor, Vera <sip:visitor@visitors.example>;tag=dn{place.token}")


def badvers(place: Place) -> bytes:
    """3.1.2.16."""
    via = place.via.replace("SIP/2.0", "SIP/7.0")
    return plain(place, "OPTIONS", start=f"OPTIONS {place.uri} SIP/7.0", via=via)


def mismatch01(place: Place) -> bytes:
    """3.1.2.17."""
    return plain(place, "OPTIONS", cseq="8 INVITE")


def mismatch02(place: Place) -> bytes:
    """3.1.2.18."""
    return plain(place, "TOMORROW", cseq="8 INVITE", body=place.sdp())


def bigcode(place: Place) -> bytes:
    """3.1.2.19."""
    start = "SIP/2.0 4294967301 better not"
    return plain(place, "INVITE", start=start, to=f"<{place.uri}>;tag=t{place.token}", body="")


CASES: tuple[Case, ...] = (
    case("badinv01", "3.1.2.1", "separators with nothing between them", badinv01, *UNREADABLE),
    case("clerr", "3.1.2.2", "a Content-Length beyond the datagram", clerr, *UNREADABLE, streams=False),
    case("ncl", "3.1.2.3", "a negative Content-Length", ncl, *UNREADABLE),
    case("scalar02", "3.1.2.4", "numbers too large, in a request", scalar02, *UNREADABLE),
    case("scalarlg", "3.1.2.5", "numbers too large, in a response", scalarlg, SILENCE),
    case("quotbal", "3.1.2.6", "a quoted string without an end", quotbal, *UNREADABLE),
    case("ltgtruri", "3.1.2.7", "a request URI in brackets", ltgtruri, *UNREADABLE),
    case("lwsruri", "3.1.2.8", "a space in the request URI", lwsruri, *UNREADABLE),
    case("lwsstart", "3.1.2.9", "two spaces in the start line; may be repaired", lwsstart, DECIDED, *UNREADABLE),
    case("trws", "3.1.2.10", "spaces behind the start line; may be repaired", trws, 200, *UNREADABLE),
    case("escruri", "3.1.2.11", "headers in the request URI; may be ignored", escruri, DECIDED, *UNREADABLE),
    case("baddate", "3.1.2.12", "a Date not in GMT; may be ignored", baddate, DECIDED, *UNREADABLE),
    case("regbadct", "3.1.2.13", "a Contact with headers outside brackets", regbadct, 405, 501, *UNREADABLE),
    case("badaspec", "3.1.2.14", "spaces within brackets; may be repaired", badaspec, 200, *UNREADABLE),
    case("baddn", "3.1.2.15", "a comma in a display name without quotes; may be repaired", baddn, 200, *UNREADABLE),
    case("badvers", "3.1.2.16", "SIP 7.0", badvers, 505, *UNREADABLE),
    case("mismatch01", "3.1.2.17", "start line and CSeq name other methods", mismatch01, *UNREADABLE),
    case("mismatch02", "3.1.2.18", "the same with an unknown method", mismatch02, 501, *UNREADABLE),
    case("bigcode", "3.1.2.19", "a status code beyond 32 bits", bigcode, SILENCE),
)
