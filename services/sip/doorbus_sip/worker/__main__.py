"""`python -m doorbus_sip.worker --fd N`: N is this worker's end of a SOCK_SEQPACKET pair, its first packet `Setup`."""

import argparse
import faulthandler
import gc
import signal
import socket

from doorbus_sip.protocol import MAX_MESSAGE_BYTES, ORDERS, Setup
from doorbus_sip.worker.loop import Worker


def main() -> None:
    """Runs one worker until its parent stops it or is gone."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--fd", type=int, required=True)
    faulthandler.enable()  # into the parent's log: a bad pointer in the library leaves no other word
    control = socket.socket(fileno=parser.parse_args().fd)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is for the parent, which stops us in order
    setup = ORDERS.validate_json(control.recv(MAX_MESSAGE_BYTES))
    if not isinstance(setup, Setup):
        raise TypeError("the first packet must be the setup")
    worker = Worker(control, setup)
    gc.freeze()  # what is there now stays: collections need not look at it while a call waits
    worker.run()


main()
