"""The SIP server of the testkit does what a registrar and proxy does."""

import asyncio

import psutil

from doorbus_testkit.behaviour import Answer, Ring
from doorbus_testkit.kamailio import Kamailio
from doorbus_testkit.phone import Registration, SipPhone
from doorbus_testkit.wire import WirePhone

HOST = "127.0.0.3"


def member(server: Kamailio, user: str, password: str, expires_s: int = 300) -> Registration:
    return Registration(server.uri, server.aor(user), user, password, expires_s)


async def test_registers_its_users_and_relays_their_calls() -> None:
    """Two phones register with their passwords, a too short time is corrected, and one calls the other."""
    async with (
        Kamailio({"a": "secret-a", "b": "secret-b"}, host=HOST, min_expires_s=90) as server,
        SipPhone("a", registration=member(server, "a", "secret-a", 60)) as a,
        SipPhone("b", Answer(), registration=member(server, "b", "secret-b")) as b,
    ):
        await asyncio.gather(a.wait_for("registered"), b.wait_for("registered"))
        assert [one.expires for one in server.of("REGISTER", "a")] == [60, 60, 90, 90]
        await a.call(server.aor("b"))
        await a.wait_for("answered")
        await b.hangup()
        await a.wait_for("ended")
        assert [one.user for one in server.of("BYE")] == ["b"]


async def test_refuses_wrong_passwords_and_unknown_users() -> None:
    """Nobody registers without the right password, and who is not registered cannot be called."""
    async with (
        Kamailio({"a": "secret-a"}, host=HOST) as server,
        SipPhone("a", registration=member(server, "a", "wrong")) as wrong,
        WirePhone(user="guest") as guest,
    ):
        assert (await wrong.wait_for("unregistered")).code == 401
        call = await guest.invite(server.aor("a"))
        assert (await call.wait_final()).status == 404


async def test_sends_numbers_to_where_they_are_answered() -> None:
    """A service code reaches the address given for it, and the server stays in the path of the call."""
    async with (
        WirePhone(Answer(), user="service") as service,
        Kamailio({}, host=HOST, numbers={"*78#": (service.host, service.port)}) as server,
        WirePhone(Ring(), user="guest") as guest,
    ):
        call = await guest.invite(f"sip:*78%23@{HOST}:{server.port}")
        await call.wait("answered")
        answered = await service.wait_call()
        await answered.wait("acknowledged")
        call.bye()
        await answered.wait("ended")
        assert answered.ended_by == "bye"
        assert [one.method for one in server.requests] == ["INVITE", "ACK", "BYE"]


async def test_starts_again_on_its_ports_without_what_it_knew() -> None:
    """Stopped, none of its processes is left; started again, nobody is registered there."""
    async with (
        Kamailio({"a": "secret-a"}, host=HOST) as server,
        SipPhone("a", Answer(), registration=member(server, "a", "secret-a")) as phone,
        WirePhone(user="guest") as guest,
    ):
        await phone.wait_for("registered")
        first = await guest.invite(server.aor("a"))
        await first.wait("answered")
        first.bye()
        processes = psutil.Process(server.process.pid).children(recursive=True)
        assert len(processes) > 1
        await server.stop()
        assert not any(process.is_running() for process in processes)
        await server.start()
        again = await guest.invite(server.aor("a"))
        assert (await again.wait_final()).status == 404
