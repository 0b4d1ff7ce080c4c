"""What helps behind address translation, as a registrar sees it."""

import socket
import struct
from collections.abc import Iterator
from threading import Thread

import pytest
from tests.sip.conftest import MakeDoor

from doorbus_sip import facts
from doorbus_sip.limits import Limits
from doorbus_testkit.registrar import Registrar
from doorbus_testkit.sdp import parse_audio
from doorbus_testkit.sip_message import uri_of
from doorbus_testkit.wire import WirePhone

PUBLIC = "192.0.2.77"
COOKIE = 0x2112A442


@pytest.fixture
def stun() -> Iterator[str]:
    """A STUN server (RFC 8489) on loopback that tells everybody the public address; yields host:port."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            request, source = server.recvfrom(2048)
            if len(request) < 20:
                return
            address = struct.unpack("!I", socket.inet_aton(PUBLIC))[0] ^ COOKIE
            mapped = struct.pack("!HHBBHI", 0x0020, 8, 0, 1, source[1] ^ COOKIE >> 16, address)
            server.sendto(struct.pack("!HH", 0x0101, len(mapped)) + request[4:20] + mapped, source)

    thread = Thread(target=serve, daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.getsockname()[1]}"
    server.sendto(b"", server.getsockname())
    thread.join(5)
    server.close()


@pytest.mark.parametrize("how", ["public_address", "stun"])
async def test_public_address_stands_in_contact_and_sdp(make_door: MakeDoor, how: str, stun: str) -> None:
    """Given by hand or told by a STUN server, the public address is where others reach the door and its audio."""
    async with WirePhone(user="door") as phone:
        Registrar(phone, {"door": "secret"})
        account = {"id": "pbx", "aor": phone.uri, "registrar": f"sip:127.0.0.1:{phone.port}", "username": "door"}
        nat = {"public_address": PUBLIC} if how == "public_address" else {"stun": stun}
        door = await make_door(accounts=(account | {"password": "secret"},), nat=nat)
        await door.wait(facts.AccountRegistered)
        assert f"@{PUBLIC}:" in uri_of(phone.received("REGISTER")[0].message.header("Contact") or "")
        await door.engine.dial("call", "pbx", (("leg", phone.uri),), Limits())
        invite = (await phone.wait_received("INVITE")).message
        assert parse_audio(invite.body).address == PUBLIC
        assert f"@{PUBLIC}:" in uri_of(invite.header("Contact") or "")


async def test_door_starts_without_its_stun_server(make_door: MakeDoor) -> None:
    """A STUN server that does not answer costs the public address, not the door."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        door = await make_door(nat={"stun": f"127.0.0.1:{silent.getsockname()[1]}"})
        async with WirePhone() as phone:
            assert (await phone.options(door.uri)).status == 200
