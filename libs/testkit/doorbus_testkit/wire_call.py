"""One call of a scripted phone, and what a test can do in it (RFC 3261, sections 13 to 15)."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Literal

from doorbus_testkit.polling import eventually
from doorbus_testkit.rtp_socket import RtpSocket
from doorbus_testkit.sdp import MIRRORED, AudioLine, parse_audio, pcmu_sdp
from doorbus_testkit.sip_message import Address, SipMessage, response_to
from doorbus_testkit.wire_dialog import Dialog, ack_of_refusal, cancel_of
from doorbus_testkit.wire_endpoint import ClientTransaction, Record, ServerTransaction, WireEndpoint

State = Literal["calling", "ringing", "answered", "ended"]
Moment = Literal["ringing", "answered", "acknowledged", "ended"]
EndedBy = Literal["cancel", "bye", "local_bye", "refused", "local_refused", "local_cancel"]


class WireCall:
    """A call, made (`uas` is None) or received.

    Attributes:
        invite: the first INVITE.
        responses: every response to it that was received (made calls), with times.
        times: the monotonic second at which the call first was ringing, answered, acknowledged, ended.
        state: where the call is.
        ended_by: what ended it.
        end_reason: the Reason header of the CANCEL, BYE or final response that ended it.
        remote_audio: the far side's audio line, as last seen.
        dialog: tags, route and remote target.
        rtp: the call's media socket.
    """

    def __init__(
        self,
        endpoint: WireEndpoint,
        rtp: RtpSocket,
        invite: SipMessage,
        peer: Address,
        *,
        contact: str,
        uas: ServerTransaction | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.rtp = rtp
        self.invite = invite
        self.uas = uas
        self.responses: list[Record] = []
        self.times: dict[Moment, float] = {}
        self.state: State = "calling"
        self.ended_by: EndedBy | None = None
        self.end_reason: str | None = None
        self.remote_audio: AudioLine | None = None
        self.dialog = Dialog(invite, (endpoint.host, endpoint.port), answering=uas is not None)
        self.auto_ack = True
        self.timers: list[asyncio.TimerHandle] = []
        self._contact = contact
        self._peer = peer
        self._sdp_version = 0
        self._client: ClientTransaction | None = None
        self._invites: list[ServerTransaction] = [uas] if uas else []  # received ones, whose 2xx wants an ACK
        if uas:
            self._note_audio(invite)

    @property
    def call_id(self) -> str:
        """The Call-ID."""
        return self.invite.call_id

    @property
    def final(self) -> SipMessage | None:
        """The final response to a made call's INVITE, None so far."""
        return next((record.message for record in self.responses if record.message.status >= 200), None)

    async def wait(self, moment: Moment, within_s: float = 10.0) -> float:
        """Waits until the call has been ringing, answered, acknowledged or ended; returns when it was.

        Raises:
            AssertionError: after `within_s` seconds without it.
        """
        await eventually(lambda: moment in self.times, within_s, 0.005, f"call {self.call_id} {moment}: {self.state}")
        return self.times[moment]

    async def wait_final(self, within_s: float = 10.0) -> SipMessage:
        """Waits for the final response to a made call's INVITE and returns it."""
        return await eventually(lambda: self.final, within_s, 0.005, f"final response to {self.invite.uri}")

    # The answering side.

    def respond(
        self,
        status: int,
        *,
        reason: str | None = None,
        headers: Mapping[str, str] | None = None,
        sdp: bytes | None = None,
    ) -> None:
        """Sends a response to the received INVITE, or nothing when the call has ended.

        Args:
            status: 180 and the like leave the call ringing, 2xx answer it, others refuse it.
            reason: the reason phrase.
            headers: more headers.
            sdp: session description; a 2xx gets the fixed PCMU one by default.
        """
        if self.uas is None:
            raise RuntimeError("this call was made, not received")
        if self.state in ("ended", "answered"):
            return
        response = response_to(self.invite, status, to_tag=self.dialog.local_tag, reason=reason, headers=headers)
        if status > 100:
            response = response.with_headers({"Contact": f"<{self._contact}>"})
        if 200 <= status < 300 and sdp is None:
            sdp = self.description()
        if sdp is not None:
            response = response.with_body("application/sdp", sdp)
        self.endpoint.respond(self.uas, response)
        if 200 <= status < 300:
            self._reach("answered", time.monotonic())
        elif status >= 300:
            self._end("local_refused", time.monotonic(), None)
        elif status > 100:
            self._reach("ringing", time.monotonic())

    # The calling side.

    def start(self) -> None:
        """Sends the INVITE of a made call."""
        self._client = self.endpoint.request(self.invite, self._peer, self._on_response)

    def ack(self) -> None:
        """Acknowledges the 2xx (done by itself unless `auto_ack` is off)."""
        self._send_ack(self.invite.cseq[0])

    def cancel(self, headers: Mapping[str, str] | None = None) -> ClientTransaction:
        """Cancels a made call that has no final response yet (RFC 3261, 9.1)."""
        if self._client is None or self.final is not None:
            raise RuntimeError("nothing to cancel")
        request = cancel_of(self.invite).with_headers(headers or {})
        return self.endpoint.request(request, self._peer)

    # Both sides.

    def request(
        self,
        method: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: tuple[str, bytes] | None = None,
        on_response: Callable[[Record], None] | None = None,
    ) -> ClientTransaction:
        """Sends a request in the dialog; `body` is a content type and bytes. Its responses are in what it returns."""
        request = self.dialog.request(method).with_headers(headers or {})
        if body is not None:
            request = request.with_body(*body)
        return self.endpoint.request(request, self.dialog.next_hop, on_response)

    def bye(self, headers: Mapping[str, str] | None = None) -> ClientTransaction:
        """Ends the call."""
        self._end("local_bye", time.monotonic(), None)
        return self.request("BYE", headers=headers)

    def info(self, content_type: str, body: bytes) -> ClientTransaction:
        """Sends an INFO: digits as `application/dtmf-relay`, lines `Signal=1` and `Duration=160`, for instance."""
        return self.request("INFO", body=(content_type, body))

    def reinvite(
        self, direction: str = "sendrecv", sdp: bytes | None = None, *, auto_ack: bool = True
    ) -> ClientTransaction:
        """Sends a re-INVITE: `sendonly` or `inactive` hold the call, `sendrecv` takes it back.

        Args:
            direction: of the audio.
            sdp: another offer.
            auto_ack: a 2xx is acknowledged by itself; otherwise by `acknowledge`.
        """

        def acknowledge(record: Record) -> None:
            if 200 <= record.message.status < 300:
                self._note_audio(record.message)
                if auto_ack:
                    self.acknowledge(transaction)
            elif record.message.status >= 300:
                self._ack_failure(transaction.request, record.message)

        body = ("application/sdp", sdp or self.description(direction))
        transaction = self.request(
            "INVITE", headers={"Contact": f"<{self._contact}>"}, body=body, on_response=acknowledge
        )
        return transaction

    def acknowledge(self, reinvite: ClientTransaction) -> None:
        """Sends the ACK of a re-INVITE that was answered with 2xx."""
        self._send_ack(reinvite.request.cseq[0])

    def description(self, direction: str = "sendrecv") -> bytes:
        """Returns this phone's session description, a higher version each time."""
        self._sdp_version += 1
        event = self.remote_audio.telephone_event if self.remote_audio else 101
        return pcmu_sdp(
            self.endpoint.host, self.rtp.port, direction=direction, telephone_event=event, version=self._sdp_version
        )

    def send_audio(self, hz: float = 0.0) -> None:
        """Sends a tone, or silence, to where the far side wants its RTP."""
        if self.remote_audio is None:
            raise RuntimeError("the far side has not said where its RTP goes")
        audio = self.remote_audio
        self.rtp.start_sending(audio.address, audio.port, hz=hz, telephone_event=audio.telephone_event or 101)

    # What the phone hands in.

    def request_received(self, transaction: ServerTransaction, record: Record) -> SipMessage | None:
        """Takes a request of this dialog and returns the response that the phone shall send, None for none."""
        message = record.message
        if message.method == "INVITE":
            self._invites.append(transaction)
        match message.method:
            case "ACK":
                self.times.setdefault("acknowledged", record.at)
                for invite in self._invites:
                    invite.settle()
                return None
            case "CANCEL":
                self._cancel_received(record)
            case "BYE":
                self._end("bye", record.at, message.header("Reason"))
            case "INVITE" | "UPDATE" if message.body:
                return self.accept(message)
            case "INVITE":
                answer = response_to(
                    message, 200, to_tag=self.dialog.local_tag, headers={"Contact": f"<{self._contact}>"}
                )
                return answer.with_body("application/sdp", self.description())
        return response_to(message, 200, to_tag=self.dialog.local_tag)

    def accept(self, offer: SipMessage) -> SipMessage:
        """Takes the offer of a re-INVITE or UPDATE, and returns the 200 for it."""
        self._note_audio(offer)
        direction = MIRRORED[self.remote_audio.direction if self.remote_audio else "sendrecv"]
        answer = response_to(offer, 200, to_tag=self.dialog.local_tag, headers={"Contact": f"<{self._contact}>"})
        return answer.with_body("application/sdp", self.description(direction))

    def close(self) -> None:
        """Stops what the call does by itself."""
        for timer in self.timers:
            timer.cancel()
        self.rtp.close()

    def _cancel_received(self, record: Record) -> None:
        if self.uas is None or self.state in ("answered", "ended"):
            return
        self.endpoint.respond(self.uas, response_to(self.invite, 487, to_tag=self.dialog.local_tag))
        self._end("cancel", record.at, record.message.header("Reason"))

    def _on_response(self, record: Record) -> None:
        message = record.message
        self.responses.append(record)
        if message.status == 100:
            return
        self.dialog.learn(message)
        self._note_audio(message)
        if message.status < 200:
            self._reach("ringing", record.at)
        elif message.status < 300:
            if self.state != "ended":
                self._reach("answered", record.at)
            if self.auto_ack:
                self.ack()
        else:
            self._ack_failure(self.invite, message)
            self._end("refused", record.at, message.header("Reason"))

    def _note_audio(self, message: SipMessage) -> None:
        if message.body:
            with contextlib.suppress(ValueError):  # a strange description is the test's business, the call goes on
                self.remote_audio = parse_audio(message.body)

    def _reach(self, moment: Literal["ringing", "answered"], at: float) -> None:
        self.times.setdefault(moment, at)
        self.state = moment

    def _end(self, by: EndedBy, at: float, reason: str | None) -> None:
        if self.state != "ended":
            self.state, self.ended_by, self.end_reason = "ended", by, reason
            self.times.setdefault("ended", at)
            self.rtp.stop_sending()

    def _send_ack(self, cseq: int) -> None:
        self.endpoint.request(self.dialog.request("ACK", cseq), self.dialog.next_hop)

    def _ack_failure(self, invite: SipMessage, final: SipMessage) -> None:
        self.endpoint.request(ack_of_refusal(invite, final), self._peer)
