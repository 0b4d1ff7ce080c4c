"""A scripted SIP phone on a plain UDP socket, for tests that must see and time each message on the wire.

It is cheap: a socket for SIP and one for RTP, no thread, no process; fifty of them run in one event loop. What it
does with an incoming call is its behaviour; everything else (CANCEL, ACK, BYE, INFO, re-INVITE, OPTIONS,
retransmissions) it answers as a phone should, unless the method is in `ignored` or has a handler.
"""

import asyncio
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from doorbus_testkit.behaviour import Answer, Behaviour, Manual, Refuse, Ring, Silent
from doorbus_testkit.polling import eventually
from doorbus_testkit.ports import free_port_block, free_udp_port, give_back
from doorbus_testkit.rtp_socket import RtpSocket
from doorbus_testkit.sip_message import Address, SipMessage, address_of, new_branch, new_tag, response_to
from doorbus_testkit.wire_call import WireCall
from doorbus_testkit.wire_endpoint import ClientTransaction, Record, ServerTransaction, WireEndpoint

Handler = Callable[[SipMessage], SipMessage | None]


class WirePhone:
    """A phone of raw SIP: `async with WirePhone(Answer(0.2)) as phone: …phone.uri…`.

    Args:
        behaviour: what it does with an incoming call.
        user: user part of its address.
        host: IPv4 address to bind.
        port: SIP port, default a free one.
        rtp: calls receive RTP from their beginning; without, RTP that arrives is not read, which costs nothing.

    Attributes:
        calls: every call, made and received, in order.
        ignored: methods that get no response, `{"BYE"}` for instance.
        handlers: methods answered by a function of the test: from the request to the response, or None for none.
        rtp: for calls to come.
    """

    def __init__(
        self,
        behaviour: Behaviour = Manual(),  # noqa: B008 - frozen and without fields
        *,
        user: str = "wire",
        host: str = "127.0.0.1",
        port: int | None = None,
        rtp: bool = False,
    ) -> None:
        self.behaviour = behaviour
        self.user = user
        self.host = host
        self._own_port = port is None
        self.port = free_udp_port() if port is None else port
        self.rtp = rtp
        self.calls: list[WireCall] = []
        self.ignored: set[str] = set()
        self.handlers: dict[str, Handler] = {}
        self._endpoint = WireEndpoint(host, self.port, self._on_request)
        self._by_call_id: dict[str, WireCall] = {}
        self._opening: set[asyncio.Task[None]] = set()

    @property
    def uri(self) -> str:
        """Its address, `sip:USER@HOST:PORT`."""
        return f"sip:{self.user}@{self.host}:{self.port}"

    @property
    def records(self) -> list[Record]:
        """Every message, sent and received, with its time."""
        return self._endpoint.records

    @property
    def malformed(self) -> list[tuple[float, bytes]]:
        """Datagrams received that are no SIP."""
        return self._endpoint.malformed

    def received(self, name: str, *, repeated: bool | None = False) -> list[Record]:
        """Returns the received messages of a name (`INVITE`, `BYE`, `200`).

        Args:
            name: a method or a status code.
            repeated: False leaves retransmissions out, True takes only them, None takes all.
        """
        return [
            record
            for record in self.records
            if record.incoming and record.message.name == name and repeated in (None, record.repeated)
        ]

    def sent(self, name: str) -> list[Record]:
        """Returns the sent messages of a name, retransmissions included."""
        return [record for record in self.records if not record.incoming and record.message.name == name]

    async def wait_received(self, name: str, count: int = 1, within_s: float = 10.0) -> Record:
        """Waits for the `count`-th message of a name, retransmissions left out, and returns it."""
        await eventually(
            lambda: len(self.received(name)) >= count, within_s, 0.005, f"{self.uri} receives {name} ({count})"
        )
        return self.received(name)[count - 1]

    async def wait_call(self, count: int = 1, within_s: float = 10.0) -> WireCall:
        """Waits for the `count`-th received call and returns it."""

        def incoming() -> list[WireCall]:
            return [call for call in self.calls if call.uas is not None]

        await eventually(lambda: len(incoming()) >= count, within_s, 0.005, f"{self.uri} gets call {count}")
        return incoming()[count - 1]

    async def invite(
        self,
        uri: str,
        *,
        headers: Mapping[str, str] | None = None,
        sdp: bytes | None = None,
        proxy: Address | None = None,
        auto_ack: bool = True,
    ) -> WireCall:
        """Calls an address and returns at once; the call shows what comes back.

        Args:
            uri: whom to call.
            headers: more headers, or others in place of the usual ones.
            sdp: the offer, default PCMU with telephone events; b"" for a call without.
            proxy: where to send the INVITE, default what the address names.
            auto_ack: the 2xx is acknowledged by itself.
        """
        request = self._outside("INVITE", uri).with_headers({"Contact": f"<{self.uri}>"})
        rtp = await self._new_rtp()
        call = WireCall(self._endpoint, rtp, request, proxy or address_of(uri), contact=self.uri)
        call.auto_ack = auto_ack
        offer = call.description() if sdp is None else sdp
        if offer:
            call.invite = request.with_body("application/sdp", offer)
        call.invite = call.invite.with_headers(headers or {})
        self._add(call)
        call.start()
        return call

    def request(
        self,
        method: str,
        uri: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: tuple[str, bytes] | None = None,
    ) -> ClientTransaction:
        """Sends a request outside of calls; its responses are in what it returns."""
        request = self._outside(method, uri).with_headers(headers or {})
        if body is not None:
            request = request.with_body(*body)
        return self._endpoint.request(request, address_of(uri))

    async def options(self, uri: str, within_s: float = 5.0) -> SipMessage:
        """Sends OPTIONS and returns the final response."""
        transaction = self.request("OPTIONS", uri)
        record = await eventually(lambda: transaction.final, within_s, 0.005, f"response of {uri} to OPTIONS")
        return record.message

    def send_raw(self, data: bytes, target: Address) -> None:
        """Sends any bytes from the phone's SIP port."""
        self._endpoint.send_raw(data, target)

    async def __aenter__(self) -> Self:
        self._endpoint.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for call in self.calls:
            call.close()
        self._endpoint.close()
        if self._own_port:
            give_back(self.port)

    def _on_request(self, transaction: ServerTransaction, record: Record) -> None:
        message = record.message
        if isinstance(self.behaviour, Silent) or message.method in self.ignored:
            return
        handler = self.handlers.get(message.method)
        call = self._by_call_id.get(message.call_id)
        response: SipMessage | None
        if handler is not None:
            response = handler(message)
        elif call is not None:
            response = call.request_received(transaction, record)
        elif message.method == "INVITE" and message.to_tag is None:
            self._call_received(transaction, record)
            return
        elif message.method == "ACK":
            return
        elif message.to_tag is not None or message.method in ("CANCEL", "BYE"):
            response = response_to(message, 481, to_tag=new_tag())
        else:
            response = response_to(message, 200, to_tag=new_tag(), headers={"Contact": f"<{self.uri}>"})
        if response is not None:
            self._endpoint.respond(transaction, response)

    def _call_received(self, transaction: ServerTransaction, record: Record) -> None:
        rtp = RtpSocket(self.host, free_port_block(2, even=True))
        if self.rtp:
            opening = asyncio.get_running_loop().create_task(rtp.open())
            self._opening.add(opening)
            opening.add_done_callback(self._opening.discard)
        call = WireCall(self._endpoint, rtp, record.message, record.peer, contact=self.uri, uas=transaction)
        self._add(call)
        match self.behaviour:
            case Ring():
                call.respond(180)
            case Answer(after_s, ring):
                if ring:
                    call.respond(180)
                self._respond_later(call, after_s, 200)
            case Refuse(code, after_s, ring):
                if ring:
                    call.respond(180)
                self._respond_later(call, after_s, code)

    def _respond_later(self, call: WireCall, after_s: float, status: int) -> None:
        if after_s <= 0:
            call.respond(status)
        else:
            call.timers.append(asyncio.get_running_loop().call_later(after_s, call.respond, status))

    def _add(self, call: WireCall) -> None:
        self.calls.append(call)
        self._by_call_id[call.call_id] = call

    async def _new_rtp(self) -> RtpSocket:
        rtp = RtpSocket(self.host, free_port_block(2, even=True))
        if self.rtp:
            await rtp.open()
        return rtp

    def _outside(self, method: str, uri: str) -> SipMessage:
        return SipMessage(method, uri).with_headers(
            {
                "Via": f"SIP/2.0/UDP {self.host}:{self.port};branch={new_branch()};rport",
                "Max-Forwards": "70",
                "From": f"<{self.uri}>;tag={new_tag()}",
                "To": f"<{uri}>",
                "Call-ID": f"{new_tag()}{new_tag()}@{self.host}",
                "CSeq": f"1 {method}",
            }
        )
