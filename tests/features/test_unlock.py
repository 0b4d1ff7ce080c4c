"""Opening the door: on the wire, on the bus and on the relay's line."""

from __future__ import annotations

import contextlib
import json

import psutil
import pytest
from tests.features.conftest import NewPhone
from tests.features.doors import CODE, ENV, EXIT, GATE, NOTICE_S, document, idle, show, stays

from doorbus_testkit.polling import eventually
from doorbus_testkit.stack import Options, Stack
from doorbus_testkit.wire import WirePhone
from doorbus_testkit.wire_call import WireCall
from doorbus_testkit.wire_endpoint import ClientTransaction, Record

pytestmark = pytest.mark.asyncio(loop_scope="module")

WRONG = "5555555555"
CODES = [{"code": {"env": "DOORBUS_SECRET_GATE"}, "relay": "gate"}]
HANG_UP_S = 1.0


def _document(methods: tuple[str, ...] = ()) -> str:
    calls = {
        "auto_answer": {"ip": {"enabled": True}},
        "unlock_codes": CODES,
        "hang_up_after_unlock": {"methods": list(methods), "timeout_s": HANG_UP_S},
    }
    return document(calls=calls)


async def _talk(door: Stack, caller: WirePhone) -> WireCall:
    """Calls the door, which answers by itself."""
    call = await caller.invite(door.uri)
    await call.wait("answered")
    await door.event("call.answered")
    call.send_audio()
    return call


async def _final(sent: ClientTransaction) -> Record:
    return await eventually(lambda: sent.final, every_s=0.002, what="the door takes an INFO")


async def _info(call: WireCall, digits: str, content_type: str) -> None:
    """Sends digits by INFO, each after the door has taken the one before."""
    for digit in digits:
        body = digit if content_type == "application/dtmf" else f"Signal={digit}\r\nDuration=160\r\n"
        sent = call.info(content_type, body.encode())
        assert (await _final(sent)).message.status == 200


async def _send(call: WireCall, digits: str, method: str) -> None:
    match method:
        case "rfc4733":
            call.rtp.send_digits(digits)
            await eventually(lambda: not call.rtp.sending_digits, what="the digits are sent")
        case "info_relay":
            await _info(call, digits, "application/dtmf-relay")
        case "info_dtmf":
            await _info(call, digits, "application/dtmf")


async def _opened(door: Stack) -> None:
    await door.chip.wait_level(GATE, 1)
    await door.chip.wait_level(GATE, 0)


async def _stays_shut(door: Stack, call: WireCall) -> None:
    edges = len(door.chip.history(GATE))
    await stays(lambda: len(door.chip.history(GATE)) == edges and call.state == "answered", what="the gate rests")
    assert await door.chip.level(GATE) == 0


def _assert_secret(door: Stack) -> None:
    """No event and no file of the run directory holds the digits, and no log a line of INFO."""
    told = "\n".join(json.dumps([event.what, event.data, event.headers]) for event in door.events)
    assert "dtmf_received" in told
    for digits in (CODE, WRONG):
        assert digits not in told
    assert '"digit' not in told
    files = [path for path in door.run_dir.rglob("*") if path.is_file()]
    assert any(path.name == "sip.log" for path in files)
    for path in files:
        content = path.read_bytes()
        assert CODE.encode() not in content, path
        assert WRONG.encode() not in content, path
        if path.suffix == ".log":
            assert b"Signal=" not in content, path
            assert b'"digit"' not in content, path


@pytest.mark.feature("unlock.dtmf")
@pytest.mark.parametrize("method", ["rfc4733", "info_relay", "info_dtmf"])
async def test_the_code_energises_the_relay(door: Stack, phone: NewPhone, method: str) -> None:
    """The digits of the code in a call, by each of the three methods, move the gate's line; no digit is told."""
    await door.apply(_document())
    call = await _talk(door, await phone(rtp=True))
    await _send(call, CODE, method)
    await _opened(door)
    unlocked = await door.event("door.unlocked")
    assert (unlocked.data["relay"], unlocked.data["method"]) == ("gate", "dtmf")
    received = door.told("call.dtmf_received")
    assert {told.data["method"] for told in received} == {method}
    assert sum(told.data["count"] for told in received) == len(CODE)
    _assert_secret(door)


@pytest.mark.feature("unlock.dtmf")
async def test_a_phone_that_sends_both_ways_does_not_type_twice(door: Stack, phone: NewPhone) -> None:
    """Digits by INFO between those by RTP do not count: the first method of the call does, and the code opens once."""
    await door.apply(_document())
    call = await _talk(door, await phone(rtp=True))
    edges = len(door.chip.history(GATE))
    for digit in CODE:
        await _send(call, digit, "rfc4733")
        await eventually(lambda: any(told.data["method"] == "rfc4733" for told in door.told("call.dtmf_received")))
        await _send(call, digit, "info_relay")
    await _opened(door)
    await stays(lambda: len(door.chip.history(GATE)) == edges + 2, what="the gate opened once")
    assert door.told("door.unlock_denied") == []


@pytest.mark.feature("unlock.dtmf")
async def test_wrong_digits_open_nothing(door: Stack, phone: NewPhone) -> None:
    """A wrong code, and the right one cut in two by a pause of over 3 s, are wrong codes; the right one then opens."""
    await door.apply(_document())
    call = await _talk(door, await phone(rtp=True))
    await _send(call, WRONG, "info_dtmf")
    await door.event("door.unlock_denied", why="wrong_code")
    await _send(call, CODE[:4], "info_dtmf")
    await eventually(lambda: len(door.told("door.unlock_denied")) == 2, what="the pause closes the buffer")
    await _send(call, CODE[4:], "info_dtmf")
    await eventually(lambda: len(door.told("door.unlock_denied")) == 3, what="the rest is a wrong code")
    await _stays_shut(door, call)
    assert door.told("door.unlocked") == []
    await _send(call, CODE, "info_dtmf")
    await _opened(door)
    _assert_secret(door)


@pytest.mark.feature("unlock.hang_up")
async def test_the_call_ends_after_an_unlock_by_code(door: Stack, phone: NewPhone) -> None:
    """With `dtmf` in `methods` the call gets BYE `timeout_s` after the gate's line moved; `reason: unlocked`."""
    await door.apply(_document(("dtmf",)))
    call = await _talk(door, await phone(rtp=True))
    await _send(call, CODE, "info_relay")
    energised = await door.chip.wait_level(GATE, 1)
    ended = await call.wait("ended")
    show("BYE after the timeout", ended - energised - HANG_UP_S)
    assert call.ended_by == "bye"
    assert ended - energised == pytest.approx(HANG_UP_S, abs=0.3)
    assert (await door.event("call.ended")).data["reason"] == "unlocked"


@pytest.mark.feature("unlock.hang_up")
@pytest.mark.parametrize("method", ["input", "bus"])
async def test_the_call_ends_after_another_method_that_is_named(door: Stack, phone: NewPhone, method: str) -> None:
    """The exit button and a wish on the bus end the call too where they are in `methods`."""
    await door.apply(_document((method,)))
    call = await _talk(door, await phone(rtp=True))
    if method == "input":
        await door.chip.press(EXIT)
    else:
        assert (await door.wish("unlock", relay="gate"))["ok"]
    energised = await door.chip.wait_level(GATE, 1)
    ended = await call.wait("ended")
    assert ended - energised == pytest.approx(HANG_UP_S, abs=0.3)
    assert (await door.event("call.ended")).data["reason"] == "unlocked"


@pytest.mark.feature("unlock.hang_up")
@pytest.mark.parametrize("method", ["dtmf", "input", "bus"])
async def test_another_method_leaves_the_call_alone(door: Stack, phone: NewPhone, method: str) -> None:
    """A door opened by a method that is not in `methods` ends no call."""
    await door.apply(_document(tuple(each for each in ("dtmf", "input", "bus") if each != method)))
    call = await _talk(door, await phone(rtp=True))
    match method:
        case "dtmf":
            await _send(call, CODE, "info_relay")
        case "input":
            await door.chip.press(EXIT)
        case "bus":
            assert (await door.wish("unlock", relay="gate"))["ok"]
    await _opened(door)
    await stays(lambda: call.state == "answered", HANG_UP_S + NOTICE_S, "the call is up")


@pytest.mark.feature("unlock.dtmf")
async def test_ten_wrong_codes_lock_across_calls_and_restarts() -> None:
    """The tenth wrong code, in a second call, locks DTMF: no code opens any more, also after policy was killed."""
    async with Stack(_document(), Options(env=ENV)) as door, WirePhone(rtp=True) as caller:
        call = await _talk(door, caller)
        await _type_wrong_codes(door, call, 6)
        call.bye()
        await idle(door)
        door.events[:] = door.told("door.unlock_denied")
        call = await _talk(door, caller)
        await _type_wrong_codes(door, call, 9)
        await _stays_shut(door, call)
        assert door.told("door.unlock_locked") == []
        await _type_wrong_codes(door, call, 10)
        locked = await door.event("door.unlock_locked")
        assert (locked.data["for_s"], locked.data["wrong_codes"]) == (600, 10)

        await _send(call, CODE, "info_relay")
        await _denied(door, "locked", 1)
        await _stays_shut(door, call)
        before = door.pid("policy")
        door.process("policy").kill()
        await eventually(lambda: door.pid("policy") != before, what="policy is started again")
        await door.event("service.started", service="policy", within_s=15)
        await _send(call, CODE, "info_relay")
        await _denied(door, "locked", 2)
        await _stays_shut(door, call)
        assert door.told("door.unlocked") == []
        _assert_secret(door)


async def _type_wrong_codes(door: Stack, call: WireCall, up_to: int) -> None:
    """Types wrong codes until the door has denied `up_to` of them."""
    for count in range(len(door.told("door.unlock_denied")) + 1, up_to + 1):
        await _send(call, WRONG, "info_relay")
        await _denied(door, "wrong_code", count)


async def _denied(door: Stack, why: str, count: int) -> None:
    await eventually(lambda: len(door.told("door.unlock_denied", why=why)) == count, what=f"{count} are denied: {why}")


@pytest.mark.feature("unlock.input")
async def test_the_exit_button_needs_io_alone() -> None:
    """The exit button opens with everything up, and again with bus, policy, sip and their supervisor dead."""
    async with Stack(document(), Options(env=ENV)) as door:
        edge = await door.chip.press(EXIT)
        energised = await door.chip.wait_level(GATE, 1)
        show("edge to relay", energised - edge)
        assert energised - edge < 1.0
        unlocked = await door.event("door.unlocked")
        assert (unlocked.data["relay"], unlocked.data["method"], unlocked.data["by"]) == ("gate", "input", "exit1")
        await door.chip.wait_level(GATE, 0)

        others = [door.process(name) for name in ("nats", "policy", "sip")]
        door.up.stall()  # so that nobody is started again
        try:
            for process in others:
                process.kill()
            await eventually(lambda: all(_dead(process) for process in others), what="bus, policy and sip are dead")
            edges = len(door.chip.history(GATE))
            edge = await door.chip.press(EXIT)
            await eventually(lambda: len(door.chip.history(GATE)) == edges + 2, what="the gate opens and closes")
            energised = door.chip.history(GATE)[edges].at
            show("edge to relay, alone", energised - edge)
            assert energised - edge < 1.0
            assert all(_dead(process) for process in others)
        finally:
            door.up.resume()


def _dead(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.status() == psutil.STATUS_ZOMBIE
    return True
