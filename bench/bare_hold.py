"""The baseline of the benchmark of barge: one pjsua2 program that answers calls and holds them while packets come.

`python -m bench.bare_hold PORT`: it joins `GROUP` on `eth0` and prints its SIP port. The first packet on PORT puts the
call on hold (`setHold`), half a second without one takes it back. Nothing slows it down: no bus, no log, no decision.
"""

import os
import socket
import sys

import pjsua2 as pj

from bench.bare_sip import Account, start

GROUP = "239.77.1.3"
END_S = 0.5


def main() -> None:
    """Runs until it is ended."""
    output = os.dup(1)
    os.dup2(2, 1)  # the library prints before its log can be turned off
    endpoint, port = start(one_thread=False)
    account = Account(200)
    accounts = pj.AccountConfig()
    accounts.idUri = f"sip:bare@127.0.0.1:{port}"
    account.create(accounts)
    os.write(output, f"{port}\n".encode())
    _listen(account, int(sys.argv[1]))
    endpoint.libDestroy()


def _listen(account: Account, port: int) -> None:
    """The main thread waits for packets; pjsua's own thread does the rest."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as pages:
        pages.bind((GROUP, port))
        member = socket.inet_aton(GROUP) + socket.inet_aton("0.0.0.0") + b"\0\0\0\0"  # the route chooses
        pages.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        while account.isValid():
            pages.settimeout(None)
            pages.recv(2000)
            for call in tuple(account.calls.values()):
                call.setHold(pj.CallOpParam(True))
            pages.settimeout(END_S)
            try:
                while True:
                    pages.recv(2000)
            except TimeoutError:
                options = pj.CallOpParam(True)
                options.opt.flag = pj.PJSUA_CALL_UNHOLD
                for call in tuple(account.calls.values()):
                    call.reinvite(options)


if __name__ == "__main__":
    main()
