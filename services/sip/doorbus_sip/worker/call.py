"""One leg, as pjsua2's `Call`.

Rules
- The object dies inside the callback that reports its end, never later: its destructor hangs up whatever call has its
  id by then. Hence nothing may keep a reference to it but `Worker.calls`, and it must be in no cycle.
- An outgoing leg that is given up before any provisional response is left alone until the first one (RFC 3261, 9.1:
  a CANCEL must wait for it), so that the CANCEL can carry its Reason; a 2xx that comes instead gets ACK and BYE.
- A leg that the door holds is silent at once: neither side hears the other, whatever the far side answers (`holding`).
  Its digits still count. On hold the library would not read RTP at all, so its decoder is switched on again.
- DTMF callbacks come from a media thread: they only queue.
- A leg that was up and that neither side has ended is lost (`media_failed`): an expired session timer (RFC 4028, 10), a
  refresh that got 408 or 481, a 200 whose ACK never came.
"""

import random
import time
from typing import TYPE_CHECKING

import pjsua2 as pj

from doorbus.contract.calls import DtmfMethod
from doorbus_sip.invite import info_digit
from doorbus_sip.protocol import Answered, Digit, EarlyMedia, Held, HoldRefused, Progress
from doorbus_sip.worker import holding
from doorbus_sip.worker.audio import Line
from doorbus_sip.worker.guard import guarded
from doorbus_sip.worker.native import load
from doorbus_sip.worker.respond import respond, respond_info, respond_unhandled

if TYPE_CHECKING:
    from doorbus_sip.worker.accounts import Account
    from doorbus_sip.worker.loop import Worker

_ELSEWHERE = "Call completed elsewhere"
_ACTIVE = pj.PJSUA_CALL_MEDIA_ACTIVE
_LOCAL_HOLD, _REMOTE_HOLD = pj.PJSUA_CALL_MEDIA_LOCAL_HOLD, pj.PJSUA_CALL_MEDIA_REMOTE_HOLD
_UP = (_ACTIVE, _LOCAL_HOLD, _REMOTE_HOLD)
_ANSWERS = (pj.PJSIP_EVENT_RX_MSG, pj.PJSIP_EVENT_TRANSPORT_ERROR)


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
        self.listening = False
        self.granted = False
        self.given_up = False
        self.ended_here = False
        self.accepted = False
        self.ended_there = False
        self.media_failed = False
        self.hears = True
        self.elsewhere = False
        self.holding = holding.Holding()
        self.held_there = False
        self.offered_there = False
        self.stream = 0
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
        self.accepted = True
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

    def listen(self) -> None:
        """Lets the door hear the far side, and no more."""
        self.listening = True
        self._connect()

    def warn(self) -> None:
        """Plays the warning tone to both sides, where there is sound at all."""
        media = self._audio()
        if media is not None and self.home is not None and not self.holding.wanted:
            self.home.warn(media)

    def set_held(self, held: bool) -> None:
        """Silences the leg, or lets it be heard again, at once; the far side is told as soon as it can be."""
        if self.home is None or self.given_up or self.holding.wanted is held:
            return
        self.holding = holding.want(self.holding, held)
        if held and self.line is not None:
            media = self._audio()
            if media is not None:
                self.line.silence(media)
        self.home.report(Held(leg=self.leg, by="local", held=held))
        self._connect()
        self.tend_hold(time.monotonic())

    def tend_hold(self, now: float) -> None:
        """Sends the re-INVITE that is due, if one is; called in each round of the loop."""
        if not holding.is_due(self.holding, now) or not self.answered or self.given_up:
            return
        try:
            self.offered_there = False
            if self.holding.wanted:
                self.setHold(_options())
            else:
                options = _options()
                options.opt.flag = pj.PJSUA_CALL_UNHOLD
                self.reinvite(options)
            self.holding = holding.sent(self.holding)
        except pj.Error:  # the far side's own re-INVITE is under way
            self.holding = holding.could_not_send(self.holding, now)

    @property
    def must_hear(self) -> bool:
        """Whether the far side should be sending now: nobody holds, and both agreed that it may."""
        return self.hears and not self.holding.wanted and not self.holding.agreed and not self.held_there

    def received_packets(self) -> int:
        """RTP and RTCP packets that have come from the far side so far; none while there is no stream."""
        try:
            statistics = self.getStreamStat(0)
        except pj.Error:  # an answer that left no audio, or a re-INVITE that is changing it
            return 0
        return int(statistics.rtcp.rxStat.pkt) + int(statistics.rtcp.txStat.updateCount)

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
            self.tend_hold(time.monotonic())
        elif info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self._close_line()
            self.home = None
            up = self.answered or self.accepted
            self.media_failed |= up and not self.ended_here and not self.ended_there
            home.ended(self, int(info.lastStatusCode), str(info.lastReason))

    @guarded
    def onCallTsxState(self, home: "Worker", prm: pj.OnCallTsxStateParam) -> None:  # noqa: N802 - the library\'s name
        """Sees 100 responses, which are no state of the call, and INFO bodies that pjsua does not read."""
        change = prm.e.body.tsxState
        transaction = change.tsx
        if transaction.method == "INVITE":
            if transaction.role == pj.PJSIP_ROLE_UAC and 100 <= transaction.statusCode < 200:
                self._provisional(int(transaction.statusCode))
            elif transaction.role == pj.PJSIP_ROLE_UAC and change.type in _ANSWERS:
                self._hold_answered(home, int(transaction.statusCode))
        elif transaction.method == "INFO" and change.type == pj.PJSIP_EVENT_RX_MSG:
            self._info(home, change)
        elif change.type != pj.PJSIP_EVENT_RX_MSG:
            return  # a timer's event may be of a transaction of the call that had this one's id before
        elif transaction.method in ("BYE", "CANCEL"):
            self.ended_there |= transaction.role == pj.PJSIP_ROLE_UAS
        else:
            respond_unhandled(change)

    @guarded
    def onCallRxOffer(self, home: "Worker", prm: pj.OnCallRxOfferParam) -> None:  # noqa: N802 - the library\'s name
        """The far side changes the media: what comes of it says whether it holds."""
        self.offered_there = True

    @guarded
    def onStreamCreated(self, home: "Worker", prm: pj.OnStreamCreatedParam) -> None:  # noqa: N802 - the library\'s name
        """There is a stream, the first one or another."""
        self.stream = int(prm.stream)

    @guarded
    def onStreamDestroyed(self, home: "Worker", prm: pj.OnStreamDestroyedParam) -> None:  # noqa: N802 - the library\'s name
        """It is gone, and its address with it."""
        self.stream = 0

    @guarded
    def onCallMediaState(self, home: "Worker", prm: pj.OnCallMediaStateParam) -> None:  # noqa: N802 - the library\'s name
        """Media was negotiated (again): report hold, connect audio."""
        home.media_changed()
        info = self.getInfo()
        media = [m for m in info.media if m.type == pj.PJMEDIA_TYPE_AUDIO]
        if not media:
            return
        self.hears = bool(media[0].dir & pj.PJMEDIA_DIR_DECODING)
        self._note_their_hold(home, int(media[0].status), int(media[0].dir))
        native = load()
        if media[0].status == _LOCAL_HOLD and self.stream and not self.hears and native is not None:
            native.hear(self.stream)
        if info.state == pj.PJSIP_INV_STATE_EARLY and not self.incoming and media[0].status == _ACTIVE:
            home.report(EarlyMedia(leg=self.leg))
        self._connect()

    @guarded
    def onDtmfDigit(self, home: "Worker", prm: pj.OnDtmfDigitParam) -> None:  # noqa: N802 - the library\'s name
        """An RTP event, or an INFO with `application/dtmf-relay`."""
        info = prm.method == pj.PJSUA_DTMF_METHOD_SIP_INFO
        method = DtmfMethod.INFO_RELAY if info else DtmfMethod.RFC4733
        home.note(Digit(leg=self.leg, digit=str(prm.digit)[:1].upper(), method=method))

    @guarded
    def onCallTransferRequest(self, home: "Worker", prm: pj.OnCallTransferRequestParam) -> None:  # noqa: N802 - the library\'s name
        """REFER: a door is not sent elsewhere."""
        prm.statusCode = 603

    def onCallRedirected(self, prm: pj.OnCallRedirectedParam) -> int:  # noqa: N802 - the library\'s name
        """3xx: not followed (who is called is policy's to say), and told as what it is; the default would be 487."""
        return int(pj.PJSIP_REDIRECT_REJECT)

    @guarded
    def onCallReplaceRequest(self, home: "Worker", prm: pj.OnCallReplaceRequestParam) -> None:  # noqa: N802 - the library\'s name
        """An INVITE with Replaces takes no call over."""
        prm.statusCode = 603

    def _note_their_hold(self, home: "Worker", status: int, direction: int) -> None:
        """While we hold, their hold shows in the direction that their own offer leaves, and in nothing else."""
        if status == _LOCAL_HOLD:
            held = direction == pj.PJMEDIA_DIR_NONE if self.offered_there else self.held_there
        else:
            held = status == _REMOTE_HOLD
        self.offered_there = False
        if held != self.held_there:
            self.held_there = held
            home.report(Held(leg=self.leg, by="remote", held=held))

    def _hold_answered(self, home: "Worker", code: int) -> None:
        if code < 200:
            return
        pause_s = holding.glare_pause(not self.incoming, random.random())  # noqa: S311 - no secret
        asked = self.holding.sending
        self.holding, refused = holding.answered(self.holding, code, time.monotonic(), pause_s)
        if refused and asked is not None:
            home.report(HoldRefused(leg=self.leg, held=asked, code=code))

    def _info(self, home: "Worker", change: pj.TsxStateEvent) -> None:
        message = str(change.src.rdata.wholeMsg)
        found = info_digit(message)
        if found is None:
            respond_info(change, has_body=bool(message.partition("\r\n\r\n")[2]))
        elif found[0] == "dtmf":
            respond(change, 200)
            home.note(Digit(leg=self.leg, digit=found[1], method=DtmfMethod.INFO_DTMF))

    def _provisional(self, code: int) -> None:
        first, self.provisional = not self.provisional, True
        if self.given_up and first:
            self._hang_up()
        elif not self.given_up and self.home is not None:
            self.home.report(Progress(leg=self.leg, code=code))

    def _hang_up(self) -> None:
        self.hangup(_options(200, _ELSEWHERE) if self.elsewhere and not self.answered else _options())

    def _connect(self) -> None:
        if not (self.granted or self.listening) or self.given_up or self.home is None or self.holding.wanted:
            return
        media = self._audio()
        if media is None:
            return
        if self.line is None:
            self.line = self.home.bridge.open()
        self.line.listen(media)
        if self.granted:
            self.line.talk(media)

    def _audio(self) -> pj.AudioMedia | None:
        info = self.getInfo()
        for index, media in enumerate(info.media):
            up = media.status in _UP and media.audioConfSlot != pj.INVALID_ID  # c=0.0.0.0 has none
            if up and media.type == pj.PJMEDIA_TYPE_AUDIO:
                return self.getAudioMedia(index)
        return None

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
