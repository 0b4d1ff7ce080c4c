"""What the io service does on any chip, seen from the bus and from the lines: one suite, run on each chip there is.

The process is the real one, with a real NATS server. A test class inherits `ServiceSuite` where a fixture `house` gives
the process and a bench (`line_bench.LineBench`); what a chip cannot show stands in `line_bench.DIFFERENCES`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.io.line_bench import Pin, Shows
from tests.io.scene import House, Scene, scene_in

from doorbus_testkit.polling import SLOWER, eventually


@pytest.fixture
async def scene(house: House) -> AsyncIterator[Scene]:
    """A test's place in the house."""
    async with scene_in(house) as made:
        yield made


def button(pin: Pin, **more: Any) -> dict[str, Any]:
    """Returns a push button of the document."""
    return {"id": "button1", "kind": "push_button", "chip": pin.chip, "line": pin.line, **more}


def exit_button(pin: Pin, **more: Any) -> dict[str, Any]:
    """Returns an exit button that opens the gate."""
    return {"id": "exit1", "kind": "exit_button", "relay": "gate", "chip": pin.chip, "line": pin.line, **more}


def relay(name: str, pin: Pin, **more: Any) -> dict[str, Any]:
    """Returns a relay."""
    return {"id": name, "chip": pin.chip, "line": pin.line, "hold_s": 0.5, "max_on_s": 600.0, **more}


class ServiceSuite:
    """The suite."""

    async def test_edges_are_told_in_order(self, scene: Scene) -> None:
        """Three presses: pressed and released, three times, and nothing else."""
        pin = Pin(scene.bench.chips[0], 0)
        await scene.take(inputs=(button(pin, debounce_ms=5),))
        for count in (1, 2, 3):
            await scene.bench.put(pin, 0)
            await scene.policy.wait("input.pressed", count)
            await scene.bench.put(pin, 1)
            await scene.policy.wait("input.released", count)
        assert scene.policy.told("input") == ["input.pressed", "input.released"] * 3

    async def test_a_bouncing_button_is_one_press(self, scene: Scene) -> None:
        """Ten edges within the debounce time are one press, told at its first edge; one release follows."""
        pin = Pin(scene.bench.chips[0], 0)
        await scene.take(inputs=(button(pin, debounce_ms=1000),))
        for level in (0, 1) * 4 + (0,):
            await scene.bench.put(pin, level)
        await scene.policy.wait("input.pressed")
        await eventually(lambda: scene.active("button1"), what="the button is down")
        await scene.bench.put(pin, 1)
        await scene.policy.wait("input.released")
        assert scene.policy.told("input") == ["input.pressed", "input.released"]

    async def test_a_spike_opens_nothing(self, scene: Scene) -> None:
        """An exit button that is not still for `debounce_ms` opens nothing; held down for longer it opens once."""
        exit_, gate = Pin(scene.bench.chips[0], 1), Pin(scene.bench.chips[0], 8)
        await scene.take(inputs=(exit_button(exit_, debounce_ms=1000),), relays=(relay("gate", gate),))
        await scene.bench.put(exit_, 0)
        await scene.bench.put(exit_, 1)
        await asyncio.sleep(1.5)  # what is shown is that its second passes
        assert scene.policy.told("input", "relay") == []
        await scene.bench.put(exit_, 0)
        await scene.policy.wait("relay.reset")
        assert scene.policy.told("relay", "door") == ["relay.energised", "door.unlocked", "relay.reset"]
        assert scene.policy.told("input") == ["input.pressed"]

    @pytest.mark.parametrize("active", ["low", "high"])
    @pytest.mark.parametrize(("bias", "level"), [("pull_up", "high"), ("pull_down", "low")])
    async def test_an_open_input_stands_at_its_bias(self, scene: Scene, bias: str, level: str, active: str) -> None:
        """A line that nothing drives reads as its bias says, and `active` says what that means."""
        pin = Pin(scene.bench.chips[0], 2)
        await scene.take(inputs=(button(pin, bias=bias, active=active),))
        assert (active == level) is await scene.active("button1")
        assert scene.policy.told("input") == []

    async def test_an_active_high_button(self, scene: Scene) -> None:
        """With a pull-down and `active: high` the rising edge is the press."""
        pin = Pin(scene.bench.chips[0], 3)
        await scene.take(inputs=(button(pin, bias="pull_down", active="high"),))
        await scene.bench.put(pin, 1)
        await scene.policy.wait("input.pressed")
        await scene.bench.put(pin, 0)
        await scene.policy.wait("input.released")

    async def test_what_is_active_before_is_no_press(self, scene: Scene) -> None:
        """A button that is down when io claims its line is active, but was not pressed; its release is told."""
        scene.bench.needs(Shows.LEVEL_BEFORE)
        pin = Pin(scene.bench.chips[0], 4)
        await scene.empty()
        await scene.bench.put(pin, 0)
        await scene.take(inputs=(button(pin, bias="as_is"),))
        assert await scene.active("button1")
        await scene.bench.put(pin, 1)
        await scene.policy.wait("input.released")
        assert scene.policy.told("input") == ["input.released"]

    @pytest.mark.parametrize(("active", "level"), [("high", 1), ("low", 0)])
    async def test_a_pulse_moves_the_line(self, scene: Scene, active: str, level: int) -> None:
        """A relay rests until it is ordered, moves for `hold_s`, and rests again; `active` says at which level."""
        pin = Pin(scene.bench.chips[0], 9)
        await scene.take(relays=(relay("gate", pin, active=active),))
        assert 1 - level == scene.bench.level(pin)
        assert 0.45 < await scene.pulse("gate", pin, level) < 0.5 + 1.5 * SLOWER
        assert 1 - level == scene.bench.level(pin)
        await scene.policy.wait("relay.reset")
        assert scene.policy.told("relay", "door") == ["relay.energised", "door.unlocked", "relay.reset"]

    async def test_held_until_reset(self, scene: Scene) -> None:
        """A relay held by an order stays on past its `hold_s`, while another pulses, until it is reset."""
        lamp, gate = Pin(scene.bench.chips[0], 10), Pin(scene.bench.chips[0], 8)
        await scene.take(relays=(relay("lamp", lamp), relay("gate", gate)))
        await scene.energise("lamp", lamp)
        await scene.pulse("gate", gate)
        assert scene.bench.level(lamp) == 1
        assert (await scene.policy.order("reset", relay="lamp"))["ok"]
        await scene.at(lamp, 0)

    async def test_a_button_on_one_chip_opens_a_relay_on_another(self, scene: Scene) -> None:
        """Lines of one door on two chips work together, by an exit button and by an order."""
        scene.bench.needs(Shows.SECOND_CHIP)
        first, second = scene.bench.chips
        exit_, gate, lamp = Pin(first, 1), Pin(second, 8), Pin(first, 8)
        await scene.take(inputs=(exit_button(exit_),), relays=(relay("gate", gate), relay("lamp", lamp)))
        await scene.bench.put(exit_, 0)
        await scene.policy.wait("relay.reset")
        assert [change.level for change in scene.bench.changes(gate)][-2:] == [1, 0]
        await scene.pulse("lamp", lamp)

    async def test_a_line_that_another_program_has(self, scene: Scene) -> None:
        """Io says that the chip is not complete, refuses orders for it, and takes the line when it is free."""
        pin = Pin(scene.bench.chips[0], 8)
        await scene.empty()
        with scene.bench.taken(pin):
            await scene.offer(relays=(relay("gate", pin),))
            await scene.degraded(recovered=False)
            refused = await scene.policy.order("reset", relay="gate")
            assert (refused["ok"], refused["code"]) == (False, "not_ready")
        await scene.degraded(recovered=True)
        await scene.until_ready()
        await scene.pulse("gate", pin)

    async def test_a_taken_line_hinders_no_other(self, scene: Scene) -> None:
        """While another program has the gate's line, the lamp and the button on the same chip work."""
        scene.bench.needs(Shows.ONE_LINE_TAKEN)
        gate, lamp, pin = (Pin(scene.bench.chips[0], line) for line in (8, 9, 0))
        await scene.empty()
        with scene.bench.taken(gate):
            await scene.offer(inputs=(button(pin),), relays=(relay("gate", gate), relay("lamp", lamp)))
            await scene.degraded(recovered=False)
            await scene.pulse("lamp", lamp)
            await scene.bench.put(pin, 0)
            await scene.policy.wait("input.pressed")
        await scene.degraded(recovered=True)

    @pytest.mark.parametrize("with_input", [False, True])
    async def test_a_chip_disappears_and_returns(self, scene: Scene, with_input: bool) -> None:
        """Io says so unasked, the other chip works on, and what was energised rests when the chip is back."""
        scene.bench.needs(Shows.UNPLUGGED)
        first, second = scene.bench.chips
        exit_, gate, pin = Pin(first, 1), Pin(second, 8), Pin(second, 0)
        inputs = (exit_button(exit_), button(pin)) if with_input else (exit_button(exit_),)
        await scene.take(inputs=inputs, relays=(relay("gate", gate),))
        await scene.energise("gate", gate)
        scene.bench.pull_out(second)
        await scene.degraded(recovered=False)
        assert (await scene.policy.wait("relay.reset"))["why"] == "chip_lost"
        assert (await scene.policy.order("reset", relay="gate"))["code"] == "not_ready"
        if with_input:
            assert await scene.active("button1") is None
        await scene.bench.put(exit_, 0)
        await scene.policy.wait("input.pressed")
        await scene.bench.put(exit_, 1)
        await scene.policy.wait("input.released")
        scene.bench.put_back(second)
        await scene.degraded(recovered=True)
        await scene.until_ready()
        assert scene.bench.level(gate) == 0
        await scene.bench.put(exit_, 0)
        await scene.policy.wait("door.unlocked")
        await scene.at(gate, 0)

    async def test_after_a_kill_the_helper_rests_it(self, scene: Scene) -> None:
        """Kill -9 leaves the gate open; the supervisor's `python -m doorbus_io.rest` drives it to rest without io."""
        pin = Pin(scene.bench.chips[0], 8)
        await self._killed_while_open(scene, pin)
        done = await asyncio.to_thread(scene.io.rest)
        assert (done.returncode, done.stderr) == (0, "")
        assert scene.bench.last_driven(pin) == 0

    async def test_after_a_kill_the_next_start_rests_it_and_needs_no_bus(self, scene: Scene) -> None:
        """Started again with nobody on the bus's port, io rests the gate first, and the exit button opens it."""
        exit_, gate = Pin(scene.bench.chips[0], 1), Pin(scene.bench.chips[0], 8)
        await self._killed_while_open(scene, gate, inputs=(exit_button(exit_),))
        before = len(await scene.policy.kept("door.unlocked"))
        await asyncio.to_thread(scene.server.stop)
        scene.io.start()
        await scene.at(gate, 0)
        await scene.bench.connect()
        await scene.bench.put(exit_, 0)
        await eventually(lambda: [each.level for each in scene.bench.changes(gate)][-2:] == [1, 0], what="it opens")
        scene.server.start()  # not from another thread: it would die with it
        assert (await scene.policy.next_kept("door.unlocked", before))["by"] == "exit1"

    async def test_the_exit_button_when_the_bus_goes(self, scene: Scene) -> None:
        """With NATS killed under a running io the exit button opens, and that is told when it is back."""
        exit_, gate = Pin(scene.bench.chips[0], 1), Pin(scene.bench.chips[0], 8)
        await scene.take(inputs=(exit_button(exit_),), relays=(relay("gate", gate),))
        before = len(await scene.policy.kept("door.unlocked"))
        scene.server.kill()
        await scene.bench.put(exit_, 0)
        await eventually(lambda: [each.level for each in scene.bench.changes(gate)][-2:] == [1, 0], what="it opens")
        scene.server.start()  # not from another thread: it would die with it
        assert (await scene.policy.next_kept("door.unlocked", before))["by"] == "exit1"

    async def _killed_while_open(self, scene: Scene, pin: Pin, inputs: tuple[dict[str, Any], ...] = ()) -> None:
        await scene.take(inputs=inputs, relays=(relay("gate", pin),))
        await scene.energise("gate", pin)
        scene.bench.leave_at(pin, 1)
        assert scene.io.process is not None
        scene.io.process.kill9()
        assert (scene.bench.level(pin), scene.bench.last_driven(pin)) == (1, 1)
