"""A storm: `python -m tests.multicast.storm GROUP PORT ADDRESS SECONDS`, good packets, rubbish and huge ones."""

from __future__ import annotations

import random
import socket
import sys
import time

from doorbus_testkit.rtp import RtpPacket

A_SECOND = 5_000
BURST = 50


def fuzzed(dice: random.Random, good: bytes) -> bytes:
    """Returns a packet that is not as it should be: bytes changed, cut, added, or all of them random."""
    match dice.randrange(5):
        case 0:
            return dice.randbytes(dice.randrange(300))
        case 1:
            return good[: dice.randrange(len(good))]
        case 2:
            return good + dice.randbytes(dice.randrange(1, 9000))
        case 3:
            return bytes([dice.randrange(256)]) + dice.randbytes(1) + good[2:]
        case _:
            changed = bytearray(good)
            for _ in range(dice.randrange(1, 12)):
                changed[dice.randrange(12)] = dice.randrange(256)
            return bytes(changed)


def main(group: str, port: int, address: str, seconds: float) -> None:
    """Sends `A_SECOND` packets a second, or as many as can be sent."""
    dice = random.Random(8)
    good = RtpPacket(0, 1, 160, 99, bytes(160)).encode()
    mixture = [fuzzed(dice, good) for _ in range(BURST // 2 - 1)] + [good] * (BURST // 2) + [good + bytes(20_000)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.bind((address, 0))
        begin = time.monotonic()
        for burst in range(round(seconds * A_SECOND / BURST)):
            time.sleep(max(0.0, begin + burst * BURST / A_SECOND - time.monotonic()))
            for data in mixture:
                out.sendto(data, (group, port))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], float(sys.argv[4]))
