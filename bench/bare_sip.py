"""The baseline of the SIP benchmarks: the shortest pjsua2 program for the job, a process of its own.

`python -m bench.bare_sip refuse|answer|dial`. It prints its SIP port and then does one thing until it is ended:
`refuse` ends each call with 486 in `onIncomingCall`, `answer` sends 200 there, `dial` calls the URIs (four at most) in
each datagram that comes over the Unix socket on file descriptor 0.

Nothing slows it down: no log, no sound device, no decision, no bus.
"""

import os
import socket
import sys

import pjsua2 as pj

BUSY = 486
WAIT_MS = 100


class Call(pj.Call):  # type: ignore[misc]
    """A call that is dropped when it ends."""

    def __init__(self, account: "Account", number: int) -> None:
        super().__init__(account, number)
        self.calls = account.calls
        self.calls[number] = self

    def onCallState(self, _param: pj.OnCallStateParam) -> None:  # noqa: N802
        """Drops the object of an ended call."""
        info = self.getInfo()
        if info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self.calls.pop(info.id, None)


class Account(pj.Account):  # type: ignore[misc]
    """Gives every call the same answer."""

    def __init__(self, code: int) -> None:
        super().__init__()
        self.code = code
        self.calls: dict[int, Call] = {}

    def onIncomingCall(self, param: pj.OnIncomingCallParam) -> None:  # noqa: N802
        """Answers at once."""
        call = Call(self, param.callId)
        answer = pj.CallOpParam(True)
        answer.statusCode = self.code
        if self.code < 300:
            call.answer(answer)
        else:
            call.hangup(answer)


def start(*, one_thread: bool) -> tuple[pj.Endpoint, int]:
    """Returns an endpoint on loopback, and its SIP port; without `one_thread` pjsua has a thread of its own."""
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    config = pj.EpConfig()
    config.logConfig.level = config.logConfig.consoleLevel = 0
    if one_thread:
        config.uaConfig.threadCnt = 0
        config.uaConfig.mainThreadOnly = True
    config.medConfig.sndAutoCloseTime = -1
    endpoint.libInit(config)
    transport = pj.TransportConfig()
    transport.boundAddress = "127.0.0.1"
    number = endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
    endpoint.audDevManager().setNullDev()
    endpoint.libStart()
    return endpoint, int(str(endpoint.transportGetInfo(number).localName).rsplit(":", 1)[1])


def main() -> None:
    """Does one job until it is ended."""
    job = sys.argv[1]
    output = os.dup(1)
    os.dup2(2, 1)  # the library prints before its log can be turned off
    endpoint, port = start(one_thread=job != "dial")  # one thread does all, as calls come on the wire
    account = pj.Account() if job == "dial" else Account(200 if job == "answer" else BUSY)
    accounts = pj.AccountConfig()
    accounts.idUri = f"sip:bare@127.0.0.1:{port}"
    account.create(accounts)
    os.write(output, f"{port}\n".encode())
    if job == "dial":
        _dial(account)
    while True:
        endpoint.libHandleEvents(WAIT_MS)


def _dial(account: pj.Account) -> None:
    """Calls what it is told; pjsua's own thread does the rest, so nothing stands between order and INVITE."""
    orders = socket.socket(fileno=0)
    calls: list[pj.Call] = []
    while True:
        uris = orders.recv(1000).decode().split()
        calls.clear()  # ended by the phones long ago
        for uri in uris:
            calls.append(pj.Call(account))
            calls[-1].makeCall(uri, pj.CallOpParam(True))


if __name__ == "__main__":
    main()
