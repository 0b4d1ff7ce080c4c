"""A parent for a test to kill: dials the URI that is its argument, prints the workers' process ids once answered."""

import asyncio
import sys

from doorbus_sip.config import EngineConfig, Listen
from doorbus_sip.engine import SipEngine
from doorbus_sip.facts import CallAnswered, Fact
from doorbus_sip.limits import Limits
from doorbus_testkit.ports import free_port_block, free_udp_port


async def main() -> None:
    """Runs until it is killed."""
    answered = asyncio.Event()

    def on_fact(fact: Fact) -> None:
        if isinstance(fact, CallAnswered):
            answered.set()

    first = free_port_block(72, even=True)
    listen = Listen(host="127.0.0.1", udp=free_udp_port(), tcp=None)
    engine = SipEngine(EngineConfig(listen=listen, rtp=(first, first + 71), spare_dialers=1), on_fact)
    await engine.start()
    await engine.dial("c", None, (("l", sys.argv[1]),), Limits())
    await answered.wait()
    sys.stdout.write(" ".join(str(pid) for pid in engine.workers.values()) + "\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


asyncio.run(main())
