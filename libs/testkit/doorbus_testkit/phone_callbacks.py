"""What pjsua2 calls back: the phone's account and its calls, which turn callbacks into events.

A call object must not outlive its call by much: its destructor hangs up whatever call has its number by then. So the
phone drops it as soon as the callback that reports DISCONNECTED has returned.
"""

import re
from pathlib import Path
from typing import Protocol

import pjsua2 as pj


class Phone(Protocol):
    """What account and calls need of the phone."""

    folder: Path
    calls: list["PhoneCall"]
    recordings: list[str]
    player: pj.AudioMediaPlayer | None

    def tell(self, event: str, code: int = 0, **detail: object) -> None:
        """Reports something that has happened now."""

    def call_ended(self, call: "PhoneCall") -> None:
        """Forgets a call once its callback has returned."""

    def behave(self, call: "PhoneCall") -> None:
        """Does with an incoming call what the behaviour says."""


class PhoneCall(pj.Call):  # type: ignore[misc]
    """One call; tells the phone what happens in it."""

    def __init__(self, phone: Phone, account: pj.Account, number: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(account, number)
        self.phone = phone
        self.number = len(phone.recordings)
        self.incoming = number != pj.PJSUA_INVALID_ID
        self.answered = False
        self.held = False
        self.end_reason = ""
        self.recorder: pj.AudioMediaRecorder | None = None
        self.audio: pj.AudioMedia | None = None
        phone.recordings.append("")

    def onCallState(self, _param: pj.OnCallStateParam) -> None:  # noqa: N802
        """Reports ringing, answered and ended."""
        info = self.getInfo()
        if info.state == pj.PJSIP_INV_STATE_EARLY:
            self.phone.tell("ringing", info.lastStatusCode)
        elif info.state == pj.PJSIP_INV_STATE_CONFIRMED:
            self.answered = True
            self.phone.tell("answered", info.lastStatusCode)
        elif info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            if self.recorder is not None and self.audio is not None:
                self.recorder = self.audio = None
            self.phone.tell("ended", info.lastStatusCode, text=info.lastReason, reason=self.end_reason)
            self.phone.call_ended(self)

    def onCallMediaState(self, _param: pj.OnCallMediaStateParam) -> None:  # noqa: N802
        """Connects the audio of a call, and reports that the far side holds or resumes it."""
        info = self.getInfo()  # the owner of `media`, which must outlive the loop
        for index in range(len(info.media)):
            media = info.media[index]
            if media.type != pj.PJMEDIA_TYPE_AUDIO:
                continue
            held = media.status in (pj.PJSUA_CALL_MEDIA_REMOTE_HOLD, pj.PJSUA_CALL_MEDIA_LOCAL_HOLD)
            if held != self.held:
                self.held = held
                self.phone.tell("held" if held else "resumed", by_remote=media.status != pj.PJSUA_CALL_MEDIA_LOCAL_HOLD)
            if media.status in (pj.PJSUA_CALL_MEDIA_ACTIVE, pj.PJSUA_CALL_MEDIA_REMOTE_HOLD):
                self.audio = self.getAudioMedia(index)
                self._record()
                if self.phone.player is not None:
                    self.phone.player.startTransmit(self.audio)

    def onDtmfDigit(self, param: pj.OnDtmfDigitParam) -> None:  # noqa: N802
        """Reports a digit."""
        method = "rfc4733" if param.method == pj.PJSUA_DTMF_METHOD_RFC2833 else "info_relay"
        self.phone.tell("dtmf", digit=param.digit, method=method)

    def onCallTsxState(self, param: pj.OnCallTsxStateParam) -> None:  # noqa: N802
        """Keeps the Reason header of a CANCEL or BYE."""
        event = param.e
        if event.type != pj.PJSIP_EVENT_TSX_STATE or event.body.tsxState.type != pj.PJSIP_EVENT_RX_MSG:
            return
        message = event.body.tsxState.src.rdata.wholeMsg
        if message.startswith(("BYE ", "CANCEL ", "SIP/2.0 ")):
            found = re.search(r"(?im)^Reason:\s*(.*?)\r?$", message)
            if found:
                self.end_reason = found.group(1)

    def _record(self) -> None:
        if self.recorder is None:
            path = self.phone.folder / f"heard-{self.number}.wav"
            self.phone.recordings[self.number] = str(path)
            self.recorder = pj.AudioMediaRecorder()
            self.recorder.createRecorder(str(path))
            self.phone.tell("audio", recording=str(path))
        assert self.audio is not None
        self.audio.startTransmit(self.recorder)


class PhoneAccount(pj.Account):  # type: ignore[misc]
    """The phone's one account."""

    def __init__(self, phone: Phone) -> None:
        super().__init__()
        self.phone = phone

    def onRegState(self, param: pj.OnRegStateParam) -> None:  # noqa: N802
        """Reports a registration and its failure."""
        registered = param.code == 200 and param.expiration > 0
        self.phone.tell("registered" if registered else "unregistered", param.code, text=param.reason)

    def onIncomingCall(self, param: pj.OnIncomingCallParam) -> None:  # noqa: N802
        """Does what the behaviour says."""
        call = PhoneCall(self.phone, self, param.callId)
        self.phone.calls.append(call)
        self.phone.tell("incoming", message=param.rdata.wholeMsg)
        self.phone.behave(call)
