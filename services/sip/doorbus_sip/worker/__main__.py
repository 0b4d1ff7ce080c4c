"""`python -m doorbus_sip.worker --fd N`: N is this worker's end of a SOCK_SEQPACKET pair, its first packet `Setup`."""

import argparse
import logging
import signal
import socket
import sys

import structlog

from doorbus_sip.protocol import MAX_MESSAGE_BYTES, ORDERS, Setup
from doorbus_sip.worker.loop import Worker


def main() -> None:
    """Runs one worker until its parent stops it or is gone."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--fd", type=int, required=True)
    control = socket.socket(fileno=parser.parse_args().fd)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is for the parent, which stops us in order
    structlog.configure(
        logger_factory=structlog.PrintLoggerFactory(
            sys.stderr
        ),  # stdout is the library's, before it takes a log writer
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
    setup = ORDERS.validate_json(control.recv(MAX_MESSAGE_BYTES))
    if not isinstance(setup, Setup):
        raise TypeError("the first packet must be the setup")
    structlog.contextvars.bind_contextvars(worker=setup.name)
    Worker(control, setup).run()


main()
