"""The requests that belong to a call: those of its dialog (RFC 3261, section 12), CANCEL, and the ACK of a refusal."""

from doorbus_testkit.sip_message import Address, SipMessage, address_of, new_branch, new_tag, parameter, uri_of


class Dialog:
    """One side of a dialog.

    Args:
        invite: the INVITE that begins it.
        local: host and port of this side.
        answering: the INVITE was received.

    Attributes:
        local_tag: this side's tag.
        remote_tag: the far side's, None until it is known.
        remote_target: the URI that requests go to (the far side's Contact).
        routes: Route values, the next hop first.
    """

    def __init__(self, invite: SipMessage, local: Address, *, answering: bool) -> None:
        self.local_tag = new_tag() if answering else invite.from_tag or ""
        self.remote_tag = invite.from_tag if answering else None
        contact = invite.header("Contact") if answering else None
        self.remote_target = invite.uri if contact is None else uri_of(contact)
        self.routes = _routes(invite) if answering else ()
        self._invite = invite
        self._local = local
        self._answering = answering
        self._cseq = 1 if answering else invite.cseq[0]

    @property
    def next_hop(self) -> Address:
        """Where requests are sent to: the first route, else the remote target."""
        return address_of(uri_of(self.routes[0])) if self.routes else address_of(self.remote_target)

    def learn(self, response: SipMessage) -> None:
        """Takes tag, target and route from a response to this side's INVITE."""
        self.remote_tag = response.to_tag
        contact = response.header("Contact")
        if contact is not None:
            self.remote_target = uri_of(contact)
        self.routes = tuple(reversed(_routes(response)))

    def request(self, method: str, cseq: int | None = None) -> SipMessage:
        """Builds a request in the dialog, with the next number or, for an ACK, that of its INVITE."""
        if cseq is None:
            self._cseq += 1
            cseq = self._cseq
        here, there = (self._invite.required(name) for name in self._names())
        if parameter(here, "tag") is None:
            here = f"{here};tag={self.local_tag}"
        if parameter(there, "tag") is None and self.remote_tag:
            there = f"{there};tag={self.remote_tag}"
        host, port = self._local
        message = SipMessage(method, self.remote_target).with_headers(
            {
                "Via": f"SIP/2.0/UDP {host}:{port};branch={new_branch()};rport",
                "Max-Forwards": "70",
                "From": here,
                "To": there,
                "Call-ID": self._invite.call_id,
                "CSeq": f"{cseq} {method}",
            }
        )
        return message.with_headers({"Route": ", ".join(self.routes)}) if self.routes else message

    def _names(self) -> tuple[str, str]:
        """Returns the INVITE's headers that name this side and the far side."""
        return ("To", "From") if self._answering else ("From", "To")


def cancel_of(invite: SipMessage) -> SipMessage:
    """Builds the CANCEL of an INVITE, in the same transaction (RFC 3261, 9.1)."""
    return _beside(invite, "CANCEL", invite.required("To"))


def ack_of_refusal(invite: SipMessage, final: SipMessage) -> SipMessage:
    """Builds the ACK of a final response of 300 or more, in the INVITE's transaction (RFC 3261, 17.1.1.3)."""
    return _beside(invite, "ACK", final.required("To"))


def _beside(invite: SipMessage, method: str, to: str) -> SipMessage:
    headers = {name: invite.required(name) for name in ("Via", "From", "Call-ID")}
    headers |= {"To": to, "CSeq": f"{invite.cseq[0]} {method}", "Max-Forwards": "70"}
    routes = {"Route": ", ".join(invite.all("Route"))} if invite.all("Route") else {}
    return SipMessage(method, invite.uri).with_headers({**headers, **routes})


def _routes(message: SipMessage) -> tuple[str, ...]:
    return tuple(value.strip() for line in message.all("Record-Route") for value in line.split(","))
