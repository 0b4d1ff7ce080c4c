"""The program behind `SipPhone`: one pjsua2 endpoint in a process of its own, driven by JSON lines.

Rules:
- One thread does everything: it handles SIP events, then commands from standard input, then timers that are due.
- A command is `{"id": N, "op": NAME, …}`; its answer is `{"id": N, "error": null or text}`.
- What happens is told as `{"event": NAME, "at": MONOTONIC_S, "code": N, …}` on standard output.
- Commands mean the newest call that has not ended.
- A call object lives until its DISCONNECTED callback has returned and not longer (see `phone_callbacks`).
- The end of standard input ends the program, after a BYE on each call.
"""

import json
import os
import select
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pjsua2 as pj

from doorbus_testkit.phone_callbacks import PhoneAccount, PhoneCall
from doorbus_testkit.tones import write_tone

SRTP = {
    "disabled": pj.PJMEDIA_SRTP_DISABLED,
    "optional": pj.PJMEDIA_SRTP_OPTIONAL,
    "mandatory": pj.PJMEDIA_SRTP_MANDATORY,
}
CODECS = {"PCMU": "PCMU/8000/1", "PCMA": "PCMA/8000/1", "G722": "G722/16000/1"}
POLL_MS = 5
FAREWELL_S = 1.0

Json = dict[str, Any]


class Phone:
    """The endpoint and its commands."""

    def __init__(self, settings: Json, output: int) -> None:
        self.settings = settings
        self.folder = Path(settings["folder"])
        self.calls: list[PhoneCall] = []
        self.ended: list[PhoneCall] = []
        self.recordings: list[str] = []
        self.player: pj.AudioMediaPlayer | None = None
        self._output = output
        self._timers: list[tuple[float, Callable[[], None]]] = []
        self._endpoint = pj.Endpoint()
        self._account = PhoneAccount(self)

    def start(self) -> None:
        """Binds the ports and registers, when a registrar is set."""
        config = pj.EpConfig()
        config.uaConfig.threadCnt = 0
        config.uaConfig.mainThreadOnly = True
        config.uaConfig.userAgent = "doorbus-testkit"
        config.logConfig.level = config.logConfig.consoleLevel = 0
        config.logConfig.filename = str(self.folder / "pjsua.log")
        config.logConfig.level = 5
        config.medConfig.sndAutoCloseTime = -1
        config.medConfig.clockRate = 16_000
        config.medConfig.noVad = True
        config.medConfig.ecTailLen = 0
        self._endpoint.libCreate()
        self._endpoint.libInit(config)
        transport = pj.TransportConfig()
        transport.port = self.settings["port"]
        transport.boundAddress = self.settings["host"]
        self._endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
        self._endpoint.libStart()
        self._endpoint.audDevManager().setNullDev()
        self._choose_codecs()
        self._account.create(self._account_config())
        self._do_play(self.settings)
        self.tell("ready")

    def run(self) -> None:
        """Works until standard input ends."""
        os.set_blocking(0, False)
        pending = b""
        while True:
            self._endpoint.libHandleEvents(POLL_MS)
            self.ended.clear()
            for timer in [timer for timer in self._timers if timer[0] <= time.monotonic()]:
                self._timers.remove(timer)
                self._guarded(timer[1])
            if not select.select([0], [], [], 0)[0]:
                continue
            data = os.read(0, 65_536)
            if not data:
                return
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                command = json.loads(line)
                error = self._guarded(lambda command=command: getattr(self, "_do_" + command["op"])(command))  # type: ignore[misc]
                self._write({"id": command["id"], "error": error})

    def stop(self) -> None:
        """Ends the calls and frees the endpoint."""
        self._endpoint.hangupAllCalls()
        deadline = time.monotonic() + FAREWELL_S
        while self.calls and time.monotonic() < deadline:
            self._endpoint.libHandleEvents(POLL_MS)
            self.ended.clear()
        self.calls.clear()
        self.player = None
        self._account.shutdown()
        self._endpoint.libDestroy()

    def tell(self, event: str, code: int = 0, **detail: object) -> None:
        """Reports something that has happened now."""
        self._write({"event": event, "at": time.monotonic(), "code": code, **detail})

    def call_ended(self, call: PhoneCall) -> None:
        """Forgets a call once its callback has returned."""
        self.calls.remove(call)
        self.ended.append(call)

    def behave(self, call: PhoneCall) -> None:
        """Does what the settings say about an incoming call."""
        behaviour = self.settings["behaviour"]
        after_s = behaviour.get("after_s", 0.0)
        if behaviour["kind"] == "ring" or behaviour.get("ring"):
            self._respond(call, 180)
        if behaviour["kind"] == "answer":
            self._later(after_s, lambda: self._respond(call, 200))
        elif behaviour["kind"] == "refuse":
            self._later(after_s, lambda: self._respond(call, behaviour["code"]))

    def _respond(self, call: PhoneCall, code: int, text: str = "") -> None:
        if call not in self.calls or call.answered:
            return
        param = pj.CallOpParam(True)
        param.statusCode = code
        param.reason = text
        if code < 300:
            call.answer(param)
        else:
            call.hangup(param)

    def _later(self, after_s: float, action: Callable[[], None]) -> None:
        self._timers.append((time.monotonic() + after_s, action))

    def _current(self) -> PhoneCall:
        if not self.calls:
            raise RuntimeError("no call")
        return self.calls[-1]

    def _do_call(self, command: Json) -> None:
        call = PhoneCall(self, self._account)
        param = pj.CallOpParam(True)
        param.opt.videoCount = 0
        for name, value in command["headers"].items():
            header = pj.SipHeader()
            header.hName, header.hValue = name, value
            param.txOption.headers.append(header)
        self.calls.append(call)
        try:
            call.makeCall(command["uri"], param)
        except pj.Error:
            self.calls.remove(call)
            raise

    def _do_answer(self, command: Json) -> None:
        self._respond(self._current(), command["code"], command["text"])

    def _do_hangup(self, command: Json) -> None:
        param = pj.CallOpParam()
        param.statusCode = command["code"]
        param.reason = command["text"]
        self._current().hangup(param)

    def _do_hold(self, _command: Json) -> None:
        self._current().setHold(pj.CallOpParam(True))

    def _do_resume(self, _command: Json) -> None:
        param = pj.CallOpParam(True)
        param.opt.flag = pj.PJSUA_CALL_UNHOLD
        self._current().reinvite(param)

    def _do_dtmf(self, command: Json) -> None:
        call, digits = self._current(), command["digits"]
        match command["method"]:
            case "rfc4733":
                call.dialDtmf(digits)
            case "info_relay":
                relay = pj.CallSendDtmfParam()
                relay.method = pj.PJSUA_DTMF_METHOD_SIP_INFO
                relay.digits = digits
                call.sendDtmf(relay)
            case "info_dtmf":
                for digit in digits:
                    request = pj.CallSendRequestParam()
                    request.method = "INFO"
                    request.txOption.contentType = "application/dtmf"
                    request.txOption.msgBody = digit
                    call.sendRequest(request)
            case method:
                raise ValueError(f"no DTMF method: {method}")

    def _do_play(self, command: Json) -> None:
        self.player = None
        path = command.get("wav")
        if path is None:
            if not command.get("hz"):
                return
            path = str(self.folder / f"tone-{command['hz']}.wav")
            write_tone(Path(path), command["hz"], 1.0)  # whole seconds of whole hertz: repeats without a click
        self.player = pj.AudioMediaPlayer()
        self.player.createPlayer(path)
        for call in self.calls:
            if call.audio is not None:
                self.player.startTransmit(call.audio)

    def _do_behaviour(self, command: Json) -> None:
        self.settings["behaviour"] = command["behaviour"]

    def _choose_codecs(self) -> None:
        for codec in self._endpoint.codecEnum2():
            self._endpoint.codecSetPriority(codec.codecId, 0)
        for place, name in enumerate(self.settings["codecs"]):
            self._endpoint.codecSetPriority(CODECS[name], 250 - place)

    def _account_config(self) -> pj.AccountConfig:
        settings = self.settings
        config = pj.AccountConfig()
        config.idUri = f"sip:{settings['name']}@{settings['host']}:{settings['port']}"
        config.mediaConfig.transportConfig.boundAddress = settings["host"]
        config.mediaConfig.transportConfig.port = settings["rtp_port"]
        config.mediaConfig.transportConfig.portRange = settings["rtp_ports"]
        config.videoConfig.autoTransmitOutgoing = config.videoConfig.autoShowIncoming = False
        config.mediaConfig.srtpUse = SRTP[settings["srtp"]]
        config.mediaConfig.srtpSecureSignaling = 0  # a test phone says its keys to anybody
        registration = settings["registration"]
        if registration is not None:
            config.idUri = registration["aor"]
            config.regConfig.registrarUri = registration["registrar"]
            config.regConfig.timeoutSec = registration["expires_s"]
            config.regConfig.retryIntervalSec = 2
            config.sipConfig.authCreds.append(
                pj.AuthCredInfo("digest", "*", registration["user"], 0, registration["password"])
            )
        return config

    def _guarded(self, action: Callable[[], None]) -> str | None:
        try:
            action()
        except pj.Error as error:
            return str(error.info())
        except Exception as error:  # noqa: BLE001 - told to the test, which fails with it
            return repr(error)
        return None

    def _write(self, message: Json) -> None:
        os.write(self._output, json.dumps(message).encode() + b"\n")


def main() -> None:
    """Runs the phone whose settings are the one argument, as JSON."""
    output = os.dup(1)
    os.dup2(2, 1)  # what a library prints goes to the log
    phone = Phone(json.loads(sys.argv[1]), output)
    phone.start()
    phone.run()
    phone.stop()
    os._exit(0)  # no destructors after the library is gone


if __name__ == "__main__":
    main()
