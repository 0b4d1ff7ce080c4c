"""RFC 4475, 3.2 to 3.4: readable, but transactions, headers or bodies ask for something unusual."""

from tests.sip.torture.case import DECIDED, SILENCE, Case, Place, message, plain
from tests.sip.torture.syntax_invalid import UNREADABLE
from tests.sip.torture.syntax_valid import REFUSED_METHOD, case


def badbranch(place: Place) -> bytes:
    """3.2.1."""
    return plain(place, "OPTIONS", via=f"SIP/2.0/{place.transport} {place.me};rport;branch=z9hG4bK")


def insuf(place: Place) -> bytes:
    """3.3.1."""
    return plain(place, "INVITE", call_id=None, to=None, from_=None)


def unkscm(place: Place) -> bytes:
    """3.3.2."""
    return plain(place, "OPTIONS", start="OPTIONS unheardofscheme:somewords SIP/2.0")


def novelsc(place: Place) -> bytes:
    """3.3.3."""
    return plain(place, "OPTIONS", start="OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0")


def unksm2(place: Place) -> bytes:
    """3.3.4."""
    return plain(
        place,
        "REGISTER",
        to="isbn:2983792873",
        from_=f"<http://visitors.example>;tag=sm{place.token}",
        contact="<name:Vera_Itor>",
    )


def bext01(place: Place) -> bytes:
    """3.3.5."""
    wanted = "unheardofPleaseSupport, unheardofReally"
    return plain(place, "OPTIONS", require=wanted, proxy_require="ignoredHere, ignoredToo")


def bext_invite(place: Place) -> bytes:
    """3.3.5 as a call."""
    return plain(place, "INVITE", require="unheardofPleaseSupport, unheardofReally")


def invut(place: Place) -> bytes:
    """3.3.6."""
    return plain(
        place, "INVITE", content_type="application/unheardof", body="<audio>\r\n <pcmu port='443'/>\r\n</audio>\r\n"
    )


def regaut01(place: Place) -> bytes:
    """3.3.7."""
    return plain(place, "REGISTER", authorization="NoOneHeardOfThis opaque-data=here, realm=what")


def multi01(place: Place) -> bytes:
    """3.3.8."""
    return plain(
        place,
        "INVITE",
        cseq="5 INVITE\r\nCSeq: 59 OPTIONS",
        call_id=f"first{place.token}\r\nCall-ID: second{place.token}",
        max_forwards="70\r\nMax-Forwards: 5",
        from_=f"<sip:one@visitors.example>;tag=1{place.token}\r\nFrom: other <sip:two@visitors.example>;tag=2",
        to=f"<{place.uri}>\r\nTo: sip:another@{place.door}",
    )


def mcl01(place: Place) -> bytes:
    """3.3.9."""
    return plain(
        place,
        "OPTIONS",
        body="There are five of us.",
        content_type="text/plain",
        content_length="5\r\nContent-Length: 21",
    )


def bcast(place: Place) -> bytes:
    """3.3.10; nobody may forward it: the second Via is this machine's limited broadcast."""
    return plain(
        place,
        "INVITE",
        start="SIP/2.0 200 OK",
        via=f"{place.via}\r\nVia: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bKall",
        to=f"<{place.uri}>;tag=t{place.token}",
    )


def zeromf(place: Place) -> bytes:
    """3.3.11."""
    return plain(place, "OPTIONS", max_forwards="0")


def cparam01(place: Place) -> bytes:
    """3.3.12."""
    return plain(place, "REGISTER", contact=f"sip:visitor@{place.me};unheardof")


def cparam02(place: Place) -> bytes:
    """3.3.13."""
    return plain(place, "REGISTER", contact=f"<sip:visitor@{place.me};unheardof>")


def regescrt(place: Place) -> bytes:
    """3.3.14."""
    return plain(place, "REGISTER", contact=f"<sip:visitor@{place.me}?Route=%3Csip:127.0.0.1%3E>")


def sdp01(place: Place) -> bytes:
    """3.3.15."""
    return plain(place, "INVITE", accept="text/unheardof")


def inv2543(place: Place) -> bytes:
    """3.4.1; no branch, no tag, no Contact, no Max-Forwards, no length: an INVITE of 1999."""
    return message(
        f"INVITE {place.uri} SIP/2.0",
        f"Via: SIP/2.0/{place.transport} {place.me}",
        "From: <sip:+4930555001@visitors.example;user=phone>",
        f"To: sip:door@{place.door};user=phone",
        f"Call-ID: inv2543.{place.token}@visitors.example",
        "CSeq: 56 INVITE",
        "Content-Type: application/sdp",
        body=place.sdp(),
    )


CASES: tuple[Case, ...] = (
    case("badbranch", "3.2.1", "a branch that is only the magic cookie", badbranch, 200, *UNREADABLE),
    case("insuf", "3.3.1", "From, To and Call-ID missing", insuf, *UNREADABLE),
    case("unkscm", "3.3.2", "a request URI of an unknown scheme", unkscm, 404, 416, *UNREADABLE),
    case("novelsc", "3.3.3", "a request URI of a scheme that is known, but not to SIP", novelsc, 404, 416, *UNREADABLE),
    case("unksm2", "3.3.4", "unknown schemes in From, To and Contact", unksm2, *REFUSED_METHOD, *UNREADABLE),
    case("bext01", "3.3.5", "extensions required that nobody has", bext01, 420),
    case("bext01, call", "3.3.5", "a call that requires them", bext_invite, 420),
    case("invut", "3.3.6", "a body of an unknown type", invut, 415),
    case("regaut01", "3.3.7", "an unknown authorisation scheme", regaut01, *REFUSED_METHOD),
    case("multi01", "3.3.8", "single headers twice, with other values", multi01, *UNREADABLE),
    case("mcl01", "3.3.9", "two lengths of the body", mcl01, *UNREADABLE, streams=False),
    case("bcast", "3.3.10", "a response that goes on to everybody", bcast, SILENCE),
    case("zeromf", "3.3.11", "no forwards left: it is for us", zeromf, 200, 483),
    case("cparam01", "3.3.12", "an unknown parameter of a Contact header", cparam01, *REFUSED_METHOD),
    case("cparam02", "3.3.13", "an unknown parameter of a Contact URI", cparam02, *REFUSED_METHOD),
    case("regescrt", "3.3.14", "a Contact URI that holds a Route", regescrt, *REFUSED_METHOD),
    case("sdp01", "3.3.15", "an answer wanted in a form that nobody knows", sdp01, 406, 488, DECIDED),
    case("inv2543", "3.4.1", "an INVITE as of RFC 2543", inv2543, DECIDED, 400, streams=False),
)
