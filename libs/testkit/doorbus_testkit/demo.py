"""`make demo`: a whole door on this machine, shown doing its main job on real SIP traffic.

Boots the bus and the services, presses the button on the simulated chip, lets a real phone ring, talk and type the
code, and measures what both sides hear. Then a call under do-not-disturb, then one that is answered by itself. Exit
code 0 only when every step was seen.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
import time
from pathlib import Path

from doorbus_testkit.behaviour import Answer
from doorbus_testkit.phone import SipPhone
from doorbus_testkit.polling import eventually
from doorbus_testkit.stack import Options, Stack
from doorbus_testkit.timeline import Timeline
from doorbus_testkit.tones import tone_share, write_tone
from doorbus_testkit.wire import WirePhone

DOOR_HZ = 440
PHONE_HZ = 700
TALK_S = 2.0
HEARD_SHARE = 0.5
"""A tone counts as heard when it is audible in this share of the recording: the digits, and the silence while they are
sent in place of the phone's tone, take their part."""

GATE_LINE = 8
DOCUMENT = """
door: front
audio: {{backend: file, play: $folder/door.wav, record: $folder/door-heard.wav}}
calls:
  dnd: {{enabled: {dnd}}}
  auto_answer: {{ip: {{enabled: {auto_answer}}}}}
  hang_up_after_unlock: {{methods: [dtmf], timeout_s: 1}}
  unlock_codes: [{{code: {{env: DOORBUS_SECRET_DEMO}}, relay: gate, callers: ["*"]}}]
io:
  inputs: [{{id: button1, kind: push_button, chip: sim, line: 0, active: low, bias: pull_up}}]
  relays: [{{id: gate, chip: sim, line: 8, active: high, hold_s: 1}}]
buttons:
  - input: button1
    call: {{type: group, account: null, numbers: ["{phone}"], timeout_s: 20, when_refused: call_next}}
"""


def document(phone: str, *, dnd: bool = False, auto_answer: bool = False) -> str:
    """Returns the demo's document."""
    words = {True: "true", False: "false"}
    return DOCUMENT.format(phone=phone, dnd=words[dnd], auto_answer=words[auto_answer])


class Demo:
    """The steps, each checked.

    Args:
        stack: the door.
        phone: a real phone.
        code: what opens the gate.
        line: where steps are shown.
    """

    def __init__(self, stack: Stack, phone: SipPhone, code: str, line: Timeline) -> None:
        self._stack = stack
        self._phone = phone
        self._code = code
        self._line = line

    async def press_and_open(self) -> None:
        """A press rings the phone; both hear each other; the phone opens the gate; the call ends by itself."""
        stack, phone, line = self._stack, self._phone, self._line
        line.chapter("Somebody presses the button")
        pressed = await stack.chip.press(0)
        line.begin(pressed)
        line.step("the button goes down", pressed)
        line.step("the phone gets the INVITE", (await phone.wait_for("incoming", 5)).at)
        line.step("it rings", (await phone.wait_for("ringing", 5)).at)
        answered = await phone.wait_for("answered", 10)
        line.step("somebody picks it up: the two can talk", answered.at)
        await stack.event("call.answered")
        await asyncio.sleep(TALK_S)  # the talk that is measured below
        await phone.send_dtmf(self._code)
        line.step(f"the phone types the code ({len(self._code)} digits, never shown)", time.monotonic())
        line.step("the gate's relay closes", await stack.chip.wait_level(GATE_LINE, 1, 5))
        opened = await stack.event("door.unlocked", method="dtmf")
        line.step(f"the bus knows: {opened.data['relay']} opened by {opened.data['method']}", opened.at)
        line.step("the relay rests again", await stack.chip.wait_level(GATE_LINE, 0, 5))
        ended = await stack.event("call.ended", 10, reason="unlocked")
        line.step(f"the call ends by itself after {ended.data['duration_s']:.1f} s", ended.at)
        await phone.wait_for("ended", 5)
        recording = Path(await eventually(lambda: _recording(phone), what="the phone's recording"))
        await self._heard("the phone heard the door's tone", recording, DOOR_HZ)
        await self._heard("the door heard the phone's tone", stack.folder / "door-heard.wav", PHONE_HZ)

    async def do_not_disturb(self) -> None:
        """Under DND a caller gets 486 and the door stays quiet."""
        self._line.chapter("Do not disturb is on, and somebody calls")
        answer = await self._stack.wish("dnd", enabled=True)
        _require(answer["ok"], f"DND was not turned on: {answer}")
        async with WirePhone() as caller:
            call = await caller.invite(self._stack.uri)
            self._line.begin(caller.sent("INVITE")[0].at)
            final = await call.wait_final()
            _require(final.status == 486, f"expected 486, got {final.status}")
            _require(not caller.received("180"), "the door rang under DND")
            self._line.step("refused with 486 Busy Here; nothing rang", caller.received("486")[0].at)
        ended = await self._stack.event("call.ended", reason="dnd")
        self._line.step("the bus says why: do not disturb", ended.at)
        await self._stack.wish("dnd", enabled=False)

    async def auto_answer(self) -> None:
        """With auto-answer on, a caller talks to the door at once."""
        line, stack = self._line, self._stack
        line.chapter("Auto-answer is on, and somebody calls")
        await stack.apply(document(self._phone.uri, auto_answer=True))
        since = time.monotonic()
        line.begin(since)
        await self._phone.call(stack.uri)
        answered = await stack.event("call.answered", since=since)
        line.step("answered by itself", answered.at)
        await asyncio.sleep(1)  # a word with the door
        await self._phone.hangup()
        line.step("the caller hangs up", (await stack.event("call.ended", since=since)).at)

    async def _heard(self, what: str, recording: Path, hz: int) -> None:
        share = await asyncio.to_thread(tone_share, recording, hz)
        _require(share >= HEARD_SHARE, f"{what}: only {share:.0%} of {recording.name} holds {hz} Hz")
        self._line.note(f"{what}: {hz} Hz in {share:.0%} of the recording")


async def run() -> None:
    """Runs the demo; raises AssertionError naming the step that was not seen."""
    line = Timeline(sys.stdout)
    code = "".join(secrets.choice("0123456789") for _ in range(4))
    line.chapter("A door boots: NATS, policy, sip, io, and a phone beside it")
    line.begin(time.monotonic())
    async with SipPhone("porter", Answer(0.8), hz=PHONE_HZ) as phone:
        stack = Stack(document(phone.uri), Options(env={"DOORBUS_SECRET_DEMO": code}))
        await asyncio.to_thread(write_tone, stack.folder / "door.wav", DOOR_HZ, 5.0)
        async with stack:
            line.step("the door is ready", time.monotonic())
            demo = Demo(stack, phone, code, line)
            await demo.press_and_open()
            await demo.do_not_disturb()
            await demo.auto_answer()


def main() -> int:
    """Runs the demo and returns the exit code."""
    started = time.monotonic()
    try:
        asyncio.run(run())
    except (AssertionError, OSError) as error:
        print(f"\ndemo: failed: {error}")  # noqa: T201  # this is a program for people
        return 1
    print(f"\ndemo: ok   ({time.monotonic() - started:.0f} s)")  # noqa: T201  # as above
    return 0


def _recording(phone: SipPhone) -> str | None:
    audio = [event for event in phone.events if event.name == "audio"]
    return str(audio[0].detail["recording"]) if audio else None


def _require(holds: bool, why: str) -> None:
    if not holds:
        raise AssertionError(why)


if __name__ == "__main__":
    sys.exit(main())
