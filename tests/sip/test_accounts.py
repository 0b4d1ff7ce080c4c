"""Accounts against a scripted registrar."""

import pytest
from tests.sip.conftest import MakeDoor

from doorbus_sip import facts
from doorbus_sip.limits import Limits
from doorbus_testkit.polling import eventually
from doorbus_testkit.registrar import Registrar
from doorbus_testkit.sip_message import new_tag, response_to
from doorbus_testkit.wire import WirePhone

PASSWORD = "s3cret-of-the-door"


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
async def test_registers_with_digest_and_unregisters_on_stop(make_door: MakeDoor, algorithm: str) -> None:
    """The account answers the challenge, is told as registered, and takes its binding back at the end."""
    async with WirePhone(user="door") as phone:
        registrar = Registrar(phone, {"door": PASSWORD}, algorithm=algorithm, expires_s=120)
        account = {
            "id": "pbx",
            "aor": phone.uri,
            "registrar": f"sip:127.0.0.1:{phone.port}",
            "username": "door",
            "password": PASSWORD,
        }
        door = await make_door(accounts=(account,), ip_allow=())
        registered = await door.wait(facts.AccountRegistered)
        assert registered.account == "pbx"
        assert 0 < registered.expires_s <= 120
        call = await phone.invite(door.uri)
        incoming = await door.wait(facts.IncomingCall)
        assert incoming.account == "pbx"
        await door.engine.refuse(incoming.call, 486)
        await call.wait_final()
        assert registrar.bindings.keys() == {"door"}
        await door.engine.stop()
        assert registrar.bindings == {}
    assert PASSWORD not in repr(door.engine.config)


async def test_refused_registration_is_told(make_door: MakeDoor) -> None:
    """A registrar that says no makes the account fail, with its code."""
    async with WirePhone(user="door") as registrar:
        registrar.handlers["REGISTER"] = lambda request: response_to(request, 403, to_tag=new_tag())
        account = {"id": "pbx", "aor": registrar.uri, "registrar": f"sip:127.0.0.1:{registrar.port}"}
        door = await make_door(accounts=(account,))
        failed = await door.wait(facts.AccountFailed)
    assert (failed.account, failed.code) == ("pbx", 403)


async def test_account_added_and_removed_while_running(make_door: MakeDoor) -> None:
    """`reconfigure` registers a new account and unregisters a removed one."""
    async with WirePhone(user="door") as registrar:
        registrar.handlers["REGISTER"] = lambda request: response_to(
            request, 200, to_tag=new_tag(), headers={"Contact": request.header("Contact") or "", "Expires": "120"}
        )
        door = await make_door()
        account = {"id": "pbx", "aor": registrar.uri, "registrar": f"sip:127.0.0.1:{registrar.port}"}
        values = door.engine.config.model_dump()
        await door.engine.reconfigure(type(door.engine.config).model_validate(values | {"accounts": (account,)}))
        await door.wait(facts.AccountRegistered)
        before = len(registrar.received("REGISTER"))
        await door.engine.reconfigure(type(door.engine.config).model_validate(values))
        await eventually(lambda: len(registrar.received("REGISTER")) > before, what="un-registration")
        last = registrar.received("REGISTER")[-1].message
        assert "expires=0" in (last.header("Contact") or "") or last.header("Expires") == "0"


async def test_an_account_takes_another_ones_place(make_door: MakeDoor) -> None:
    """One `reconfigure` removes an account and adds another: that one registers, and no worker is lost."""
    async with WirePhone(user="door") as registrar:
        registrar.handlers["REGISTER"] = lambda request: response_to(
            request, 200, to_tag=new_tag(), headers={"Contact": request.header("Contact") or "", "Expires": "120"}
        )
        door = await make_door(accounts=({"id": "pbx", "aor": registrar.uri},))
        before = dict(door.engine.workers)
        office = {"id": "office", "aor": registrar.uri, "registrar": f"sip:127.0.0.1:{registrar.port}"}
        values = door.engine.config.model_dump() | {"accounts": (office,)}
        await door.engine.reconfigure(type(door.engine.config).model_validate(values))
        assert (await door.wait(facts.AccountRegistered)).account == "office"
        renewed = len(registrar.received("REGISTER"))
        await eventually(lambda: len(registrar.received("REGISTER")) > renewed, 40, what="the registration is renewed")
        assert door.told(facts.WorkerLost) == []
        assert door.engine.workers == before


async def test_password_of_somebody_else_is_no_registration(make_door: MakeDoor) -> None:
    """A digest made with another password is refused, and told with its code."""
    async with WirePhone(user="door") as phone:
        registrar = Registrar(phone, {"door": PASSWORD}, algorithm="SHA-256")
        account = {"id": "pbx", "aor": phone.uri, "registrar": f"sip:127.0.0.1:{phone.port}", "password": "wrong"}
        door = await make_door(accounts=(account | {"username": "door"},))
        failed = await door.wait(facts.AccountFailed)
    assert (failed.account, failed.code) == ("pbx", 401)
    assert registrar.refused > 0
    assert registrar.bindings == {}


async def test_registration_is_renewed_early_and_told_once(make_door: MakeDoor) -> None:
    """A registration for an hour is renewed within half a minute all the same, and nothing is told about that."""
    async with WirePhone(user="door") as phone:
        Registrar(phone, {"door": PASSWORD})
        account = {"id": "pbx", "aor": phone.uri, "registrar": f"sip:127.0.0.1:{phone.port}", "username": "door"}
        door = await make_door(accounts=(account | {"password": PASSWORD, "expires_s": 3600},))
        await door.wait(facts.AccountRegistered)
        before = len(phone.sent("200"))
        await eventually(lambda: len(phone.sent("200")) > before, 30, what="the registration is renewed")
        assert len(door.told(facts.AccountRegistered)) == 1


async def test_digest_that_the_library_lacks_is_told(make_door: MakeDoor) -> None:
    """SHA-512-256 (RFC 7616) is not in the wheel: a server that offers nothing else makes the account fail."""
    async with WirePhone(user="door") as phone:
        Registrar(phone, {"door": PASSWORD}, algorithm="SHA-512-256")
        account = {"id": "pbx", "aor": phone.uri, "registrar": f"sip:127.0.0.1:{phone.port}", "username": "door"}
        door = await make_door(accounts=(account | {"password": PASSWORD},))
        failed = await door.wait(facts.AccountFailed)
    assert (failed.account, failed.code) == ("pbx", 401)


async def test_call_gets_the_settings_of_its_account(make_door: MakeDoor) -> None:
    """Two callers say the same: from the account's source plain RTP is refused as it says, a direct call rings."""
    account = {"id": "pbx", "aor": "sip:door@127.0.0.5", "srtp": "mandatory", "trusted_sources": ("127.0.0.5/32",)}
    door = await make_door(accounts=(account,), ip_allow=("127.0.0.6/32",))
    async with WirePhone(host="127.0.0.5") as member, WirePhone(host="127.0.0.6") as stranger:
        headers = {"To": "<sip:door@127.0.0.5>"}
        refused = await member.invite(door.uri, headers=headers)
        assert (await refused.wait_final()).status in (406, 488)
        assert door.told(facts.IncomingCall) == []
        await stranger.invite(door.uri, headers=headers)
        incoming = await door.wait(facts.IncomingCall)
        assert incoming.account is None
        await door.engine.refuse(incoming.call, 486)


@pytest.mark.parametrize(
    ("want", "supported", "required"),
    [("required", True, {"timer", "100rel"}), ("optional", True, set()), ("disabled", False, set())],
)
async def test_invite_says_what_the_account_wants(
    make_door: MakeDoor, want: str, supported: bool, required: set[str]
) -> None:
    """Session timers are offered or demanded as the account says, reliable provisional responses demanded.

    pjsip always says that it knows 100rel, and acknowledges what is sent reliably.
    """
    account = {"id": "pbx", "aor": "sip:door@127.0.0.1", "session_timer": want, "prack": want}
    async with WirePhone(user="phone") as phone:
        door = await make_door(accounts=(account,))
        await door.engine.dial("call", "pbx", (("leg", phone.uri),), Limits())
        call = await phone.wait_call()
        call.respond(183, headers={"Require": "100rel", "RSeq": "1"})
        prack = (await phone.wait_received("PRACK")).message

    def tags(name: str) -> set[str]:
        return {tag.strip() for line in call.invite.all(name) for tag in line.split(",")}

    assert ("timer" in tags("Supported")) == supported
    assert tags("Require") == required
    assert (prack.header("RAck") or "").startswith("1 ")


async def test_registered_flow_is_kept_open(make_door: MakeDoor) -> None:
    """A registered UDP flow gets a keep-alive at the interval that is asked for."""
    async with WirePhone(user="door") as phone:
        Registrar(phone, {"door": PASSWORD})
        account = {"id": "pbx", "aor": phone.uri, "registrar": f"sip:127.0.0.1:{phone.port}", "username": "door"}
        door = await make_door(accounts=(account | {"password": PASSWORD},), nat={"keepalive_s": 1})
        await door.wait(facts.AccountRegistered)
        await eventually(lambda: len(phone.malformed) >= 3, what="keep-alives come")
        assert {data for _, data in phone.malformed} == {b"\r\n"}
