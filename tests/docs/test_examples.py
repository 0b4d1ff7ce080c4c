"""The examples that the README names work as it says."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from doorbus_testkit.behaviour import Ring
from doorbus_testkit.stack import Stack
from doorbus_testkit.wire import WirePhone

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = """
door: front
io: {{inputs: [{{id: button1, kind: push_button, chip: sim, line: 0}}]}}
buttons: [{{input: button1, call: {{numbers: ["{phone}"]}}}}]
"""


async def test_a_program_with_a_nats_client_only_presses_a_button() -> None:
    """`examples/press.py` rings the phone; for a button that is not there it says why not and fails."""
    async with WirePhone(Ring()) as phone, Stack(DOCUMENT.format(phone=phone.uri)) as stack:
        assert await run(stack, "button1") == (0, True)
        await phone.wait_received("INVITE")
        assert await run(stack, "button9") == (1, False)


async def run(stack: Stack, button: str) -> tuple[int, bool]:
    """Runs the example against the stack; returns its exit code and whether the answer was ok."""
    context = json.loads(await asyncio.to_thread((stack.run_dir / "client.json").read_text))
    password = (await asyncio.to_thread(Path(context["password_file"]).read_text)).strip()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(ROOT / "examples/press.py"), context["url"], context["user"], password, "front", button),
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 30)
    return process.returncode or 0, bool(json.loads(output)["ok"])
