"""Presses a button of a door, with nothing but a NATS client: how any program takes part.

    python examples/press.py nats://127.0.0.1:4222 USER PASSWORD DOOR INPUT

`doorbus up` leaves the address and the user in `client.json` of its run directory, with the password beside it.
"""

import asyncio
import json
import sys
import uuid
from datetime import UTC, datetime, timedelta

import nats


async def press(url: str, user: str, password: str, door: str, button: str) -> bool:
    """Sends one wish to policy, prints its answer, and tells whether it was taken."""
    # Replies may be received below one's own prefix only: the server sees to that.
    client = await nats.connect(url, user=user, password=password, inbox_prefix=f"_INBOX.{user}")
    now = datetime.now(UTC)
    wish = {
        "id": str(uuid.uuid4()),  # the same id again is the same press
        "issued_at": now.isoformat(),
        "expires_at": (now + timedelta(seconds=2)).isoformat(),
        "input": button,
    }
    answer = await client.request(f"door.{door}.cmd.policy.press.{user}", json.dumps(wish).encode(), timeout=3)
    print(answer.data.decode())
    await client.close()
    return bool(json.loads(answer.data)["ok"])


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(press(*sys.argv[1:6])) else 1)
