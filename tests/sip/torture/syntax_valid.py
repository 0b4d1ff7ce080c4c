"""RFC 4475, 3.1.1: strange to look at, but valid. An endpoint must understand all of them."""

from tests.sip.torture.case import DECIDED, SILENCE, Case, Place, message, plain

REFUSED_METHOD = frozenset({405, 501})
"""The door is no registrar, and knows no methods of tomorrow."""


def wsinv(place: Place) -> bytes:
    """3.1.1.1; with the tag in To that names a dialog, which nobody has."""
    return _folded(place, f" ;   tag    = dialog{place.token}")


def wsinv_new(place: Place) -> bytes:
    """3.1.1.1 again without the tag in To, so that it is a new call."""
    return _folded(place, "")


def _folded(place: Place, to_tag: str) -> bytes:
    body = place.sdp()
    return message(
        f"INVITE {place.uri};strangeparam SIP/2.0",
        "TO :",
        f" {place.uri}{to_tag}",
        'from   : "Vera \\\\\\""       <sip:vera@visitors.example>',
        "  ;",
        f"  tag = vera{place.token}",
        "MaX-fOrWaRdS: 0068",
        f"Call-ID: wsinv.{place.token}@192.0.2.17",
        f"Content-Length   : {len(body)}",
        "cseq: 0009",
        "  INVITE",
        f"Via  : SIP  /   2.0\r\n /{place.transport}\r\n    {place.me};rport;branch=old{place.token}",
        "s :",
        "FreshlyMadeHeader:   one value",
        " and its second line",
        "HeaderThatLooksBroken: ;;,,;;,;",
        "Content-Type: application/sdp",
        "v:  SIP  / 2.0  / TCP     relay.visitors.example   ;",
        "  branch  =   z9hG4bK0relay  ,",
        " SIP  /    2.0   / UDP  192.0.2.111   ; branch=",
        " z9hG4bK0inner",
        f'm:"Quoted words \\"\\"" <sip:vera@{place.me}> ; freshparam =',
        "      freshvalue ;",
        "  emptyparam ; q = 0.33",
        body=body,
    )


def intmeth(place: Place) -> bytes:
    """3.1.1.2."""
    method = "!unheard-Of0123456789_*+`.%indeed'~"
    odd = "9_strange.USER~(might-be!fine)&isn't+it$/really?,/;;*"
    return message(
        f"{method} sip:{odd}:&in+has=1,odd!*pas$word_here.(is'nt-it)@{place.door} SIP/2.0",
        f"Via: SIP/2.0/{place.transport} {place.me};rport;branch=z9hG4bK-.!%66*_+`'~{place.token}",
        f'To: "BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f" <sip:{odd}@{place.door}>',
        "From: word1~` word2'+_ word3*%!.- <sip:someone@visitors.example>"
        f";param''~+*_!.-%=\"посетитель\";tag=_word~1'+`*%!-.{place.token}",
        f"Call-ID: intmeth.{place.token}%ZK-!.*_+'@word`~)(><:\\/\"][?}}{{",
        f"CSeq: 139122385 {method}",
        "Max-Forwards: 255",
        "headerOfTomorrow-!.%*+_`'~:\ufeff門鈴",
        "Content-Length: 0",
    )


def esc01(place: Place) -> bytes:
    """3.1.1.3."""
    return plain(
        place,
        "INVITE",
        start=f"INVITE sip:sips%3Adoor%40gate.example@{place.door} SIP/2.0",
        to=f"sip:d%6F%6Fr@{place.door}",
        from_=f"<sip:With%20some%20spaces@visitors.example>;tag=esc{place.token}",
        contact=f"<sip:vis%69tor@{place.me};%6C%72;n%61me=v%61lue%25%34%31>",
    )


def escnull(place: Place) -> bytes:
    """3.1.1.4."""
    return plain(
        place,
        "REGISTER",
        to=f"sip:nil-%00-nil@{place.door}",
        from_=f"sip:nil-%00-nil@visitors.example;tag=nil{place.token}",
        contact=f"<sip:%00@{place.me}>, <sip:%00%00@{place.me}>",
    )


def esc02(place: Place) -> bytes:
    """3.1.1.5."""
    return plain(
        place,
        "OPT%49ONS",
        to=f'"%Z%45" <{place.uri}>',
        from_=f'"%Z%45" <sip:visitor@visitors.example>;tag=esc{place.token}',
        contact=f"<sip:visitor@{place.me}>;%6Eame=with%20percent",
    )


def lwsdisp(place: Place) -> bytes:
    """3.1.1.6."""
    return plain(place, "OPTIONS", from_=f"visitor<sip:visitor@visitors.example>;tag=lws{place.token}")


def longreq(place: Place) -> bytes:
    """3.1.1.7; three and a half kilobytes, which is what SIP stacks commonly take in one datagram."""
    again = "again" * 20
    relays = [f"Via: SIP/2.0/TCP relay{n}.visitors.example;branch=z9hG4bK{n}{again[:40]}" for n in range(8)]
    return plain(
        place,
        "INVITE",
        to=f'"{"A very long name that goes on " * 8}end" <sip:door@{place.door};{again}={again}>',
        from_=f"<sip:{again}visitor@visitors.example;long-{again}={again};endless-{again}>"
        f";tag=long{place.token}{again};{again}=one;more={again}",
        call_id=f"longreq.{again}{again}{place.token}",
        cseq="3882340 INVITE",
        x_long=f"{again} {again} {again}",
        x_folded=f"{again}\r\n {again}\r\n\t{again}",
        max_forwards="0" * 30 + "70",
        via="\r\n".join([place.via, *relays]),
        contact=f"<sip:visitor-{again}@{place.me};{again};and={again}>",
    )


def dblreq(place: Place) -> bytes:
    """3.1.1.8; the second one must not be taken: no call may come of it."""
    second = plain(Place(place.door, place.me, place.transport, f"{place.token}second"), "INVITE")
    return plain(place, "REGISTER", to="sip:visitor@visitors.example") + second


def semiuri(place: Place) -> bytes:
    """3.1.1.9."""
    return plain(place, "OPTIONS", start=f"OPTIONS sip:door;par=u%40gate.example@{place.door} SIP/2.0")


def transports(place: Place) -> bytes:
    """3.1.1.10."""
    others = ("SCTP", "TLS", "PIGEON", "TCP")
    lines = [f"Via: SIP/2.0/{name} relay{n}.visitors.example;branch=z9hG4bK{n}way" for n, name in enumerate(others)]
    return plain(place, "OPTIONS", via="\r\n".join([place.via, *lines]))


def mpart01(place: Place) -> bytes:
    """3.1.1.11; the second part is binary, with zeros and line ends in it."""
    second = bytes(range(256)) + b"\r\n--frontier is not here\r\n" + bytes(64)
    body = (
        "--frontier\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: binary\r\n\r\nIs anybody there?\r\n"
        "--frontier\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        + second.decode(errors="surrogateescape")
        + "\r\n--frontier--\r\n"
    )
    return plain(place, "MESSAGE", body=body, content_type='multipart/mixed;boundary="frontier"')


def unreason(place: Place) -> bytes:
    """3.1.1.12."""
    return _response(place, "SIP/2.0 200 = 2**3 * 5**2 но сто девяносто девять - простое")


def noreason(place: Place) -> bytes:
    """3.1.1.13."""
    return _response(place, "SIP/2.0 100 ")


def _response(place: Place, start: str) -> bytes:
    return plain(place, "INVITE", start=start, to=f"<{place.uri}>;tag=t{place.token}", body="")


def case(name: str, section: str, point: str, build: object, *expected: int, streams: bool = True) -> Case:
    """A case; a shorthand."""
    assert callable(build)
    return Case(name, section, point, build, frozenset(expected), streams)


CASES = (
    case("wsinv", "3.1.1.1", "folding, white space, short and long names; a dialog unknown here", wsinv, 481),
    case("wsinv, new", "3.1.1.1", "the same as a new call", wsinv_new, DECIDED),
    case("intmeth", "3.1.1.2", "all characters that a token, a user and a word may have", intmeth, *REFUSED_METHOD),
    case("esc01", "3.1.1.3", "escapes in URIs that do not change what they mean", esc01, DECIDED),
    case("escnull", "3.1.1.4", "escaped zeros in URIs", escnull, *REFUSED_METHOD),
    case("esc02", "3.1.1.5", "percent signs where they escape nothing: no OPTIONS", esc02, *REFUSED_METHOD),
    case("lwsdisp", "3.1.1.6", "no space between display name and bracket", lwsdisp, 200),
    case("longreq", "3.1.1.7", "long values in many fields", longreq, DECIDED),
    case("dblreq", "3.1.1.8", "a second request behind the first in one datagram", dblreq, 405, 501, streams=False),
    case("semiuri", "3.1.1.9", "a semicolon in the user part", semiuri, 200),
    case("transports", "3.1.1.10", "known and unknown transports in Via", transports, 200),
    case("mpart01", "3.1.1.11", "a multipart MESSAGE with a binary part", mpart01, 200, 202, 405, 406, 415, 488, 501),
    case("unreason", "3.1.1.12", "a response with an unusual reason, to nothing", unreason, SILENCE),
    case("noreason", "3.1.1.13", "a response with an empty reason, to nothing", noreason, SILENCE),
)
