"""One leg, as pjsua2's `Call`.

Rules
- The object dies inside the callback that reports its end, never later: its destructor hangs up whatever call has its
  id by then. Hence nothing may keep a reference to it but `Worker.calls`, and it must be in no cycle.
- An outgoing leg that is given up before any provisional response is left alone until the first one (RFC 3261, 9.1:
  a CANCEL must wait for it), so that the CANCEL can carry its Reason; a 2xx that comes instead gets ACK and BYE.
- DTMF callbacks come from a media thread: they only queue.
"""

from typing import TYPE_CHECKING

import pjsua2 as pj

from doorbus.contract.calls import DtmfMethod
from doorbus_sip.invite import info_digit
from doorbus_sip.protocol import Answered, Digit, Held, Progress
from doorbus_sip.worker.audio import Line
from doorbus_sip.worker.guard import guarded
from doorbus_sip.worker.respond import respond

if TYPE_CHECKING:
    from doorbus_sip.worker.accounts import Account
    from doorbus_sip.worker.loop import Worker

_ELSEWHERE = "Call completed elsewhere"
_ACTIVE = pj.PJSUA_CALL_MEDIA_ACTIVE
_LOCAL_HOLD, _REMOTE_HOLD = pj.PJSUA_CALL_MEDIA_LOCAL_HOLD, pj.PJSUA_CALL_MEDIA_REMOTE_HOLD


class Call(pj.Call):  # type: ignore[misc]
    """A leg in or out."""

    def __init__(self, home: "Worker", account: "Account", leg: str, call_id: int | None = None) -> None:
        if call_id is None:
            super().__init__(account)
        else:
            super().__init__(account, call_id)
        self.home: Worker | None = home
        self.leg = leg
        self.incoming = call_id is not None
        self.account = account.wanted.id if account.wanted else None
        self.provisional = False
        self.answered = False
        self.granted = False
        self.given_up = False
        self.ended_here = False
        self.media_failed = False
        self.elsewhere = False
        self.held: dict[str, bool] = {"local": False, "remote": False}
        self.line: Line | None = None
        self.heard = (0, 0.0)

    def dial(self, uri: str, local: str | None = None) -> None:
        """Sends the INVITE, with `local` in From instead of the account's own.

        Raises:
            pj.Error: no slot, no socket, or a URI that cannot be resolved.
        """
        options = _options()
        if local is not None:
            options.txOption.localUri = local
        self.makeCall(uri, options)

    def ring(self) -> None:
        """Sends 180."""
        self.answer(_options(180))

    def accept(self) -> None:
        """Sends 200; audio may be connected."""
        self.granted = True
        self.answer(_options(200))

    def refuse(self, code: int, reason: str) -> None:
        """Sends this final answer."""
        self.ended_here = True
        self.hangup(_options(code, reason))

    def give_up(self, elsewhere: bool) -> None:
        """Ends the leg: CANCEL, BYE or 603, at once where the protocol allows it."""
        self.ended_here = True
        self.given_up = True
        self.elsewhere = elsewhere
        self._close_line()
        if self.incoming or self.provisional or self.answered:
            self._hang_up()

    def grant(self) -> None:
        """Connects the call to the door's audio, now or when its media starts."""
        self.granted = True
        self._connect()

    def set_held(self, held: bool) -> None:
        """Sends a re-INVITE that holds or resumes.

        Raises:
            pj.Error: another re-INVITE is on its way, or the call has no media.
        """
        if held:
            self.setHold(_options())
        else:
            options = pj.CallOpParam(True)
            options.opt.flag = pj.PJSUA_CALL_UNHOLD
            self.reinvite(options)

    def received_packets(self) -> int:
        """RTP and RTCP packets that have come from the far side so far."""
        statistics = self.getStreamStat(0)
        return int(statistics.rtcp.rxStat.pkt) + int(statistics.rtcp.rxStat.updateCount)

    @guarded
    def onCallState(self, home: "Worker", prm: pj.OnCallStateParam) -> None:  # noqa: N802 - the library\'s name
        """Early, confirmed, disconnected."""
        info = self.getInfo()
        if info.state == pj.PJSIP_INV_STATE_EARLY and not self.incoming:
            self._provisional(int(info.lastStatusCode))
        elif info.state == pj.PJSIP_INV_STATE_EARLY:
            home.report(Progress(leg=self.leg, code=int(info.lastStatusCode)))
        elif info.state == pj.PJSIP_INV_STATE_CONFIRMED and not self.answered:
            self.answered = True
            if self.given_up:
                self._hang_up()
            home.report(Answered(leg=self.leg))
        elif info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self._close_line()
            self.home = None
            home.ended(self, int(info.lastStatusCode), str(info.lastReason))

    @guarded
    def onCallTsxState(self, home: "Worker", prm: pj.OnCallTsxStateParam) -> None:  # noqa: N802 - the library\'s name
        """Sees 100 responses, which are no state of the call, and INFO bodies that pjsua does not read."""
        change = prm.e.body.tsxState
        transaction = change.tsx
        if transaction.method == "INVITE":
            if transaction.role == pj.PJSIP_ROLE_UAC and 100 <= transaction.statusCode < 200:
                self._provisional(int(transaction.statusCode))
        elif transaction.method == "INFO" and change.type == pj.PJSIP_EVENT_RX_MSG:
            found = info_digit(str(change.src.rdata.wholeMsg))
            if found is not None and found[0] == "dtmf":
                respond(change, 200)
                home.digit(Digit(leg=self.leg, digit=found[1], method=DtmfMethod.INFO_DTMF))

    @guarded
    def onCallMediaState(self, home: "Worker", prm: pj.OnCallMediaStateParam) -> None:  # noqa: N802 - the library\'s name
        """Media was negotiated (again): report hold, connect audio."""
        home.media_changed()
        info = self.getInfo()
        media = [m for m in info.media if m.type == pj.PJMEDIA_TYPE_AUDIO]
        if not media:
            return
        for by, status in (("local", _LOCAL_HOLD), ("remote", _REMOTE_HOLD)):
            held = media[0].status == status
            if held != self.held[by]:
                self.held[by] = held
                home.report(Held.model_validate({"leg": self.leg, "by": by, "held": held}))
        self._connect()

    @guarded
    def onDtmfDigit(self, home: "Worker", prm: pj.OnDtmfDigitParam) -> None:  # noqa: N802 - the library\'s name
        """An RTP event, or an INFO with `application/dtmf-relay`."""
        info = prm.method == pj.PJSUA_DTMF_METHOD_SIP_INFO
        method = DtmfMethod.INFO_RELAY if info else DtmfMethod.RFC4733
        home.digit(Digit(leg=self.leg, digit=str(prm.digit)[:1].upper(), method=method))

    @guarded
    def onCallTransferRequest(self, home: "Worker", prm: pj.OnCallTransferRequestParam) -> None:  # noqa: N802 - the library\'s name
        """REFER: a door is not sent elsewhere."""
        prm.statusCode = 603

    @guarded
    def onCallReplaceRequest(self, home: "Worker", prm: pj.OnCallReplaceRequestParam) -> None:  # noqa: N802 - the library\'s name
        """An INVITE with Replaces takes no call over."""
        prm.statusCode = 603

    def _provisional(self, code: int) -> None:
        first, self.provisional = not self.provisional, True
        if self.given_up and first:
            self._hang_up()
        elif not self.given_up and self.home is not None:
            self.home.report(Progress(leg=self.leg, code=code))

    def _hang_up(self) -> None:
        self.hangup(_options(200, _ELSEWHERE) if self.elsewhere and not self.answered else _options())

    def _connect(self) -> None:
        if not self.granted or self.given_up or self.home is None:
            return
        info = self.getInfo()
        for index, media in enumerate(info.media):
            if media.type == pj.PJMEDIA_TYPE_AUDIO and media.status in (_ACTIVE, _REMOTE_HOLD):
                if self.line is None:
                    self.line = self.home.bridge.open()
                self.line.connect(self.getAudioMedia(index))
                return

    def _close_line(self) -> None:
        line, self.line = self.line, None
        if line is not None:
            line.close()


def _options(code: int = 0, reason: str = "") -> pj.CallOpParam:
    options = pj.CallOpParam(True)
    options.opt.audioCount = 1
    options.opt.videoCount = 0
    if code:
        options.statusCode = code
    if reason:
        options.reason = reason
    return options
