"""The baseline of the policy benchmark: a nats-py responder that reads the same question and says 486, no more.

`python -m bench.bare_bus URL` serves `bare.ask` until it is ended.
"""

import asyncio
import sys

import nats
from nats.aio.msg import Msg

from doorbus.contract.calls import AskIncomingCall, EndReason, IncomingDecision
from doorbus.runtime.connection import settle

SUBJECT = "bare.ask"


async def main() -> None:
    """Answers for ever."""
    client = await nats.connect(sys.argv[1])

    async def answer(message: Msg) -> None:
        AskIncomingCall.model_validate_json(message.data)
        decision = IncomingDecision(decision="refuse", refuse_code=486, reason=EndReason.DND)
        await message.respond(decision.to_bytes())

    await client.subscribe(SUBJECT, cb=answer)
    await settle(client)
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
