"""io with no bus at all: the exit button opens, and every end brings every relay to rest."""

from __future__ import annotations

import asyncio
import json
import signal
import urllib.request

import pytest
from tests.io.io_process import BUTTON, EXIT, GATE, LAMP, IoProcess, io_document

from doorbus_testkit.chip import SimulatedChip
from doorbus_testkit.polling import eventually


def readiness(io: IoProcess) -> list[str]:
    """Returns the conditions of readiness that do not hold."""
    url = f"http://127.0.0.1:{io.health_port}/readyz"
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return list(json.loads(answer.read())["missing"])
    except urllib.error.HTTPError as refused:
        return list(json.loads(refused.read())["missing"])


async def energise(hands: SimulatedChip, line: int = EXIT) -> None:
    """Presses the exit button and waits until the gate's line is active."""
    await hands.set(line, 0)
    await hands.wait_level(GATE, 1)


async def test_exit_button_opens_and_the_gate_rests(alone: IoProcess) -> None:
    """With nothing on the bus's port a press energises the gate once for its hold."""
    alone.start()
    async with alone.hands() as hands:
        await hands.wait_level(GATE, 0)
        await hands.press(EXIT)
        await hands.wait_level(GATE, 1)
        await hands.wait_level(GATE, 0)
        on, off = hands.history(GATE)[-2:]
        assert (on.level, off.level) == (1, 0)
        assert 0.45 < off.at - on.at < 2.0
        assert len(hands.history(GATE)) == 2
        assert await hands.level(LAMP) == 1
    assert readiness(alone) == ["bus"]


async def test_a_bounce_and_a_push_button_open_nothing(alone: IoProcess) -> None:
    """A spike on the exit button's line and a press of the push button leave the gate at rest."""
    alone.start()
    async with alone.hands() as hands:
        await hands.wait_level(GATE, 0)
        _, writer = await asyncio.open_unix_connection(str(alone.socket))
        spike = [json.dumps({"op": "set", "line": EXIT, "level": level}) for level in (0, 1)]
        writer.write("\n".join([*spike, ""]).encode())  # in one go: microseconds apart on the line
        await hands.press(BUTTON)
        await energise(hands)  # what comes after shows that the time for the spike has passed
        assert len([change for change in hands.history(GATE) if change.level == 1]) == 1


async def test_without_any_document_it_waits(alone: IoProcess) -> None:
    """A box that never saw a document is not ready and says why."""
    (alone.folder / "io-front.json").unlink()
    alone.start()
    await eventually(lambda: readiness(alone) == ["bus", "document"], what="io says what it misses")
    assert not alone.socket.exists()


async def test_a_damaged_kept_document_is_no_document(alone: IoProcess) -> None:
    """A file of rubbish in the state directory does not keep io from starting."""
    (alone.folder / "io-front.json").write_text('{"revision": 1, "io": {"relays": 5}}')
    alone.start()
    await eventually(lambda: readiness(alone) == ["bus", "document"], what="io says what it misses")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_signal_brings_relays_to_rest(alone: IoProcess, number: signal.Signals) -> None:
    """SIGTERM, SIGINT and a lost terminal end io in order, with the energised gate at rest, and quickly."""
    alone.remember(io_document(hold_s=15.0))
    process = alone.start()
    async with alone.hands() as hands:
        await energise(hands)
    assert alone.latched(GATE) == 1
    process.send_signal(number)
    assert await process.wait_exit() == 0
    assert (alone.latched(GATE), alone.latched(LAMP)) == (0, 1)


FAILING = """
import asyncio
from doorbus.runtime.service import run
from doorbus_io import app, settings, shell

async def fail(self):
    while not any(relay.energised for relay in self.snapshot().relays):
        await asyncio.sleep(0.01)
    raise RuntimeError("a bug")

shell.DoorShell.keep_state = fail
run(app.main(settings.IoSettings()))
"""


async def test_a_failing_task_brings_relays_to_rest(alone: IoProcess) -> None:
    """A bug that ends a task of io ends io with exit code 1, and the energised gate at rest."""
    alone.remember(io_document(hold_s=15.0))
    process = alone.start(FAILING)
    async with alone.hands() as hands:
        await hands.wait_level(GATE, 0)
        await hands.set(EXIT, 0)
        assert await process.wait_exit() == 1
    assert alone.latched(GATE) == 0
    assert "a bug" in process.log_text()


async def test_kill_leaves_it_on_and_the_next_start_rests_it(alone: IoProcess) -> None:
    """After kill -9 the latched line is still active, as a real one may be; the next io rests it before anything."""
    alone.remember(io_document(hold_s=15.0))
    process = alone.start()
    async with alone.hands() as hands:
        await energise(hands)
    process.kill9()
    assert alone.latched(GATE) == 1
    alone.start()
    await eventually(lambda: alone.latched(GATE) == 0, what="the gate rests")


async def test_kill_and_the_helper_rests_it(alone: IoProcess) -> None:
    """After kill -9 the supervisor's helper rests the gate, with no io and no bus."""
    alone.remember(io_document(hold_s=15.0))
    process = alone.start()
    async with alone.hands() as hands:
        await energise(hands)
    process.kill9()
    assert alone.latched(GATE) == 1
    done = await asyncio.to_thread(alone.rest)
    assert (done.returncode, "not at rest" in done.stderr) == (0, False)
    assert "the bus was not told" in done.stderr
    assert (alone.latched(GATE), alone.latched(LAMP)) == (0, 1)


async def test_the_helper_leaves_a_running_io_alone(alone: IoProcess) -> None:
    """While io runs the helper says that the chip is taken, and the gate stays as io wants it."""
    alone.remember(io_document(hold_s=15.0))
    alone.start()
    async with alone.hands() as hands:
        await energise(hands)
        done = await asyncio.to_thread(alone.rest)
        assert done.returncode == 1
        assert "another process" in done.stderr
        assert await hands.level(GATE) == 1


async def test_a_press_during_a_stall_opens_nothing_later(alone: IoProcess) -> None:
    """A pulse with a delay that is over when a stopped process goes on is dropped: nobody waits there any more."""
    alone.remember(io_document(delay_s=1.0))
    process = alone.start()
    async with alone.hands() as hands:
        await hands.wait_level(GATE, 0)
        await hands.press(EXIT)
        await eventually(lambda: "doorbus.input.pressed" in process.log_text(), what="the press is taken")
        process.stall()
        await asyncio.sleep(5.0)  # what is shown is that so much time passes: delay and a command's lifetime
        process.resume()
        await eventually(lambda: "delayed pulse dropped" in process.log_text(), what="the pulse is dropped")
        assert hands.history(GATE) == []
        await energise(hands)


async def test_an_energised_relay_rests_when_a_stall_is_over(alone: IoProcess) -> None:
    """A relay whose hold ran out while the process was stopped rests as soon as it goes on, and no later."""
    process = alone.start()
    async with alone.hands() as hands:
        await energise(hands)
        process.stall()
        await asyncio.sleep(1.0)  # the hold of 0.5 s runs out meanwhile
        assert alone.latched(GATE) == 1
        process.resume()
        await hands.wait_level(GATE, 0)
