"""A door whose parts are broken on purpose, and the phone that its button calls."""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import nats
import psutil
from nats.aio.client import Client

from doorbus_testkit.behaviour import Answer, Behaviour
from doorbus_testkit.chip import SimulatedChip
from doorbus_testkit.polling import eventually
from doorbus_testkit.ports import free_udp_port
from doorbus_testkit.processes import stall
from doorbus_testkit.rtp import PCMU
from doorbus_testkit.stack import Options, Stack
from doorbus_testkit.tones import AUDIBLE, WINDOW_S, read_wav, window_levels, write_tone
from doorbus_testkit.wire import WirePhone
from doorbus_testkit.wire_call import WireCall

BUTTON, EXIT, GATE, LAMP = 0, 1, 8, 9
CODE = "4711"
DOOR_HZ, PHONE_HZ = 440.0, 1000.0
FINGER_S = 0.1
"""Between the end of a press and the next one: several times the debouncing."""
GAP_S = 1.5
"""A busy machine delays packets; what a fault does to a call lasts longer."""

DOCUMENT = """
door: front
audio: {{backend: file, play: $folder/tone.wav, record: $folder/heard.wav}}
calls:
  max_call_s: {max_call_s}
  warn_s: 0
  dial_in_s: {dial_in_s}
  dial_out_s: 30
  hang_up_after_unlock: {{methods: []}}
  push_to_hang_up: {{hold_s: 0}}
  unlock_codes: [{{code: {{env: {secret}}}, relay: gate}}]
  dnd: {{enabled: {dnd}}}
io:
  inputs:
    - {{id: button1, kind: push_button, chip: sim, line: 0}}
    - {{id: exit1, kind: exit_button, chip: sim, line: 1, relay: gate}}
  relays:
    - {{id: gate, chip: sim, line: 8, hold_s: {gate_s}}}
    - {{id: lamp, chip: sim, line: 9, hold_s: {lamp_s}}}
buttons:
  - {{input: button1, call: {{type: group, numbers: ["sip:101@127.0.0.1:{phone}"], timeout_s: 25}}}}
{more}"""

_stopped: set[psutil.Process] = set()


@contextmanager
def stalled(*processes: psutil.Process) -> Iterator[None]:
    """Stops processes (SIGSTOP) for as long as the block lasts; they go on whatever happens in it."""
    try:
        for process in processes:
            _stopped.add(process)
            stall(process.pid)
        yield
    finally:
        for process in processes:
            _resume(process)


def resume_all() -> None:
    """Lets go on what is still stopped."""
    for process in tuple(_stopped):
        _resume(process)


def _resume(process: psutil.Process) -> None:
    _stopped.discard(process)
    with contextlib.suppress(psutil.NoSuchProcess):
        process.resume()


def document(phone: int, **changed: Any) -> str:
    """Returns the document; `changed` are values of its blanks."""
    blanks: dict[str, Any] = {
        "max_call_s": 60,
        "dial_in_s": 30,
        "dnd": "false",
        "gate_s": 1,
        "lamp_s": 5,
        "secret": "DOORBUS_SECRET_GATE",
        "more": "",
    }
    return DOCUMENT.format(phone=phone, **{**blanks, **changed})


class House:
    """A stack with a button that calls one phone, `101` on a port of its own.

    Args:
        options: of the stack; the unlock code is added.
        changed: blanks of the document.
    """

    def __init__(self, options: Options | None = None, **changed: Any) -> None:
        self.phone_port = free_udp_port()
        self.changed = changed
        options = options or Options()
        options.env |= {"DOORBUS_SECRET_GATE": CODE, "DOORBUS_SECRET_OTHER": "2580"}
        self.stack = Stack(document(self.phone_port, **changed), options)
        write_tone(self.stack.folder / "tone.wav", DOOR_HZ, 1.0)
        self._chip: SimulatedChip | None = None

    async def __aenter__(self) -> Self:
        await self.stack.__aenter__()
        await eventually(lambda: len(self.stack.workers()) >= 2, 10.0, what="a spare dialer is there")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        resume_all()
        await self._drop_chip()
        await self.stack.__aexit__(kind, error, trace)

    # --- parts ---------------------------------------------------------------------------------------------------

    @property
    def chip(self) -> SimulatedChip:
        """The simulated chip of the io that runs now, see `chip_again`."""
        return self._chip or self.stack.chip

    async def chip_again(self) -> SimulatedChip:
        """Connects to the chip of an io that was started anew."""
        await self._drop_chip()

        async def connect() -> SimulatedChip:
            chip = SimulatedChip(self.stack.run_dir / "sim.sock", within_s=1.0)
            await chip.__aenter__()
            return chip

        self._chip = await eventually(connect, 15.0, what="io serves its chip again")
        return self._chip

    def process(self, service: str) -> psutil.Process:
        """The process of a service, or of `nats` or `up`."""
        return psutil.Process(self.stack.up.pid) if service == "up" else self.stack.process(service)

    async def kill(self, service: str) -> None:
        """Kills a service (SIGKILL) and waits until `doorbus up` has started another one."""
        old = self.stack.pid(service)
        psutil.Process(old).kill()
        await eventually(lambda: self.stack.pid(service) != old, 15.0, what=f"{service} is started again")

    @asynccontextmanager
    async def without_bus(self, before_restart: Callable[[], None] = lambda: None) -> AsyncIterator[None]:
        """Kills the NATS server (SIGKILL); it comes back at the end of the block, when `doorbus up` goes on.

        Args:
            before_restart: done while nothing runs there.
        """
        server, up = self.process("nats"), self.process("up")
        with stalled(up):
            server.kill()
            await eventually(lambda: not _alive(server), what="the NATS server is dead")
            try:
                yield
            finally:
                before_restart()
        await eventually(lambda: self.stack.pid("nats") != server.pid, 20.0, what="the NATS server is started again")

    async def bus_is_back(self) -> None:
        """Waits until every service takes part again: policy answers, and a wish reaches it."""

        async def answers() -> bool:
            return bool((await self.stack.wish("status"))["ok"])

        await eventually(answers, 20.0, 0.1, "policy answers on the bus")

    async def policy_has_the_call(self) -> None:
        """Waits until policy knows of the call that is up again; until then it takes no digits for it."""

        async def has() -> bool:
            return bool((await self.stack.wish("status"))["stage"] == "answered")

        await eventually(has, 6.0, 0.05, "policy has the call again")

    async def connect(self, user: str) -> Client:
        """Connects to the bus as one of its users."""
        password = (self.stack.run_dir / "passwords" / user).read_text().strip()
        url = json.loads((self.stack.run_dir / "client.json").read_text())["url"]
        return await nats.connect(
            url, user=user, password=password, inbox_prefix=f"_INBOX.{user}", allow_reconnect=False, error_cb=_quiet
        )

    # --- calls ---------------------------------------------------------------------------------------------------

    def phone(self, behaviour: Behaviour = Answer(), *, rtp: bool = True) -> WirePhone:  # noqa: B008  # frozen
        """The phone that the button calls."""
        return WirePhone(behaviour, user="101", port=self.phone_port, rtp=rtp)

    def caller(self, user: str = "friend") -> WirePhone:
        """A phone that calls the door."""
        return WirePhone(user=user)

    async def press(self) -> float:
        """Presses the button as a finger does, which cannot come again at once; returns when."""
        pressed = await self.chip.press(BUTTON)
        await asyncio.sleep(FINGER_S)
        return pressed

    async def talk(self, phone: WirePhone) -> WireCall:
        """Presses the button and waits until the call is up, with a tone each way."""
        (self.stack.folder / "heard.wav").unlink(missing_ok=True)
        before = len(phone.calls)
        await self.is_idle()
        await self.press()
        call = await phone.wait_call(before + 1)
        await call.wait("acknowledged")
        call.send_audio(PHONE_HZ)
        await self.both_ways(call, 0.5)
        return call

    async def is_idle(self) -> None:
        """Waits until policy knows of no call: a phone has its BYE some milliseconds before."""

        async def idle() -> bool:
            return bool((await self.stack.wish("status"))["stage"] == "idle")

        await eventually(idle, 10.0, 0.05, "the door has no call")

    async def both_ways(self, call: WireCall, for_s: float) -> None:
        """Waits until that many more seconds of sound went each way, with hardly a gap; the call stays up."""
        sent, heard = self.from_door_s(call), self.at_door_s()
        await eventually(
            lambda: self.from_door_s(call) - sent >= for_s and self.at_door_s() - heard >= for_s,
            for_s + GAP_S,
            0.1,
            f"{for_s} s of sound each way",
        )
        assert call.state == "answered"

    def from_door_s(self, call: WireCall) -> float:
        """Seconds of sound that the phone got."""
        return sum(each.packet.payload_type == PCMU for each in call.rtp.received) * 0.02

    def at_door_s(self) -> float:
        """Seconds of the phone's tone in the door's recording of the running call."""
        path = self.stack.folder / "heard.wav"
        try:
            samples, rate = read_wav(path)
        except (OSError, ValueError):  # nothing written yet
            return 0.0
        return float((window_levels(samples, rate, PHONE_HZ) >= AUDIBLE).sum() * WINDOW_S)

    # --- wishes and orders ---------------------------------------------------------------------------------------

    def body(self, lifetime_s: float = 2.0, **fields: Any) -> dict[str, Any]:
        """Returns a command's body."""
        now = datetime.now(UTC)
        stamps = {"issued_at": now.isoformat(), "expires_at": (now + timedelta(seconds=lifetime_s)).isoformat()}
        return {"id": str(uuid.uuid4()), **stamps, **fields}

    async def send(self, client: Client, subject: str, body: dict[str, Any], timeout_s: float = 3.0) -> Any:
        """Sends a command and returns the answer's JSON."""
        answer = await client.request(subject, json.dumps(body).encode(), timeout=timeout_s)
        return json.loads(answer.data)

    async def unlock(self) -> None:
        """Has the gate opened by a wish and waits until it rests again."""
        assert (await self.stack.wish("unlock", relay="gate"))["ok"] is True
        await self.chip.wait_level(GATE, 1, 3.0)
        await self.chip.wait_level(GATE, 0, 10.0)

    def opened(self, line: int = GATE) -> int:
        """How often a relay's line became active since the connection to its chip."""
        return sum(change.level == 1 for change in self.chip.history(line))

    async def quieten(self) -> None:
        """Ends the door's call and waits until sip has none: the next test begins with an idle door."""
        with contextlib.suppress(AssertionError):
            await eventually(self._is_quiet, 20.0, 0.2, "the door is idle")

    async def _is_quiet(self) -> bool:
        state = await self.stack.state("sip")
        if state is not None and not state["calls"]:
            return True
        await self.stack.wish("hangup")
        return False

    async def _drop_chip(self) -> None:
        if self._chip is not None:
            await self._chip.__aexit__(None, None, None)
            self._chip = None


def _alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


async def _quiet(_: Exception) -> None:
    """Says nothing: tests are denied things on purpose."""


async def for_a_while(seconds: float, check: Callable[[], bool], what: str) -> None:
    """Watches that a condition holds for so long; what shall not happen has no other sign.

    Raises:
        AssertionError: as soon as it does not hold.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while loop.time() < until:
        assert check(), what
        await asyncio.sleep(0.05)


def store_of(house: House) -> Path:
    """Where the NATS server keeps its streams."""
    return house.stack.run_dir / "nats"
