"""DND's on and off codes through a SIP server that nobody here wrote: they arrive as authenticated calls."""

from __future__ import annotations

import pytest
from tests.features.doors import document
from tests.interop.test_kamailio import registered

from doorbus_testkit.behaviour import Answer, Behaviour, Refuse
from doorbus_testkit.kamailio import Kamailio
from doorbus_testkit.polling import eventually
from doorbus_testkit.stack import Options, Stack
from doorbus_testkit.wire import WirePhone

HOST = "127.0.0.3"
PASSWORD = "only-for-the-door-4711"


@pytest.mark.parametrize(
    ("behaviour", "outcome"),
    [(Answer(), (True, 200)), (Refuse(603), (False, 603))],
    ids=["the server takes them", "the server declines"],
)
@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_codes_reach_the_server_as_calls(behaviour: Behaviour, outcome: tuple[bool, int], transport: str) -> None:
    """Kamailio challenges the door and relays its INVITE to the service; the bus says what that answered."""
    service = WirePhone(behaviour, user="service", host=HOST)
    numbers = dict.fromkeys(("*78", "*79"), (service.host, service.port))
    async with service, Kamailio({"door": PASSWORD}, host=HOST, numbers=numbers) as server:
        account = {
            "id": "pbx",
            "aor": server.aor("door"),
            "registrar": server.uri,
            "password": {"env": "DOORBUS_SECRET_PBX"},
            "transport": transport,
        }
        rules = {"dnd": {"accounts": ["pbx"], "on_code": "*78", "off_code": "*79", "code_hold_s": 1}}
        text = document(accounts=[account], calls=rules)
        async with Stack(text, Options(env={"DOORBUS_SECRET_PBX": PASSWORD})) as door:
            await registered(door, "pbx")
            for enabled, kind, code in ((True, "on", "*78"), (False, "off", "*79")):
                assert (await door.wish("dnd", enabled=enabled))["ok"]
                sent = await door.event("dnd.server_code_sent", 15.0, account="pbx", code_kind=kind)
                assert (sent.data["taken"], sent.data["status"]) == outcome
                await door.event("call.ended", 15.0, call=sent.data["call"])
                asked = [one for one in server.of("INVITE", "door") if one.uri.startswith(f"sip:{code}@")]
                assert {one.transport for one in asked} == {transport}
        assert len(service.calls) == 2
        await eventually(lambda: all(call.state == "ended" for call in service.calls), what="both calls are over")
        ends = {"bye"} if outcome[0] else {"local_refused"}
        assert {call.ended_by for call in service.calls} == ends
