"""The floor of the group benchmark: a program that calls many phones at once by plain UDP, no SIP stack at all.

`python -m bench.bare_group START` calls the phones in each datagram that comes over the Unix socket on descriptor 0
(`sip:USER@HOST:PORT …`): one INVITE to each, then an ACK for each final response.
"""

import socket
import sys
import time

from bench import wire

GIVE_UP_S = 4.0


def main() -> None:
    """Calls what it is told, until it is ended."""
    orders = socket.socket(fileno=0)
    sip = wire.timed_socket(receive_buffer=1 << 20)
    port = sip.getsockname()[1]
    print(port, flush=True)
    group = 0
    while True:
        told = orders.recv(4000).decode().split()
        group += 1
        phones = [_address(uri) for uri in told]
        requests = [wire.Request(f"{sys.argv[1]}{group}g{n}g", "bare", port, phone) for n, phone in enumerate(phones)]
        for request in requests:
            sip.sendto(request.invite(port), request.target)
        _acknowledge(sip, {request.key: request for request in requests})


def _address(uri: str) -> wire.Address:
    host, number = uri.rsplit("@", 1)[1].rsplit(":", 1)
    return host, int(number)


def _acknowledge(sip: socket.socket, waiting: dict[str, wire.Request]) -> None:
    """Acknowledges the final responses, for so long as a phone needs at most."""
    until = time.monotonic() + GIVE_UP_S
    while waiting and (left_s := until - time.monotonic()) > 0:
        sip.settimeout(left_s)
        try:
            response = wire.receive(sip)
        except TimeoutError:
            return
        if response is not None and response.code >= 200 and (request := waiting.pop(response.key, None)) is not None:
            sip.sendto(request.ack(response), request.target)


if __name__ == "__main__":
    main()
