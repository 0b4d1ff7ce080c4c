"""Accounts against a scripted registrar."""

import hashlib
import re

from tests.sip.conftest import MakeDoor

from doorbus_sip import facts
from doorbus_testkit.polling import eventually
from doorbus_testkit.sip_message import SipMessage, new_tag, response_to
from doorbus_testkit.wire import WirePhone

REALM, NONCE, PASSWORD = "test", "abc123", "s3cret-of-the-door"


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def is_authorized(request: SipMessage) -> bool:
    """Checks the digest of RFC 2617, 3.2.2, as the registrar computes it."""
    fields = dict(re.findall(r'(\w+)="?([^",]+)"?', request.header("Authorization") or ""))
    if "response" not in fields:
        return False
    ha1 = md5(f"door:{REALM}:{PASSWORD}")
    ha2 = md5(f"REGISTER:{fields['uri']}")
    middle = f"{NONCE}:{fields['nc']}:{fields['cnonce']}:{fields['qop']}" if "qop" in fields else NONCE
    return md5(f"{ha1}:{middle}:{ha2}") == str(fields["response"])


def register(request: SipMessage) -> SipMessage:
    if not is_authorized(request):
        challenge = {"WWW-Authenticate": f'Digest realm="{REALM}", nonce="{NONCE}", algorithm=MD5, qop="auth"'}
        return response_to(request, 401, to_tag=new_tag(), headers=challenge)
    contact = request.header("Contact") or ""
    return response_to(request, 200, to_tag=new_tag(), headers={"Contact": f"{contact};expires=120", "Expires": "120"})


async def test_registers_with_digest_and_unregisters_on_stop(make_door: MakeDoor) -> None:
    """The account answers the challenge, is told as registered, and takes its binding back at the end."""
    async with WirePhone(user="door") as registrar:
        registrar.handlers["REGISTER"] = register
        account = {
            "id": "pbx",
            "aor": registrar.uri,
            "registrar": f"sip:127.0.0.1:{registrar.port}",
            "username": "door",
            "password": PASSWORD,
        }
        door = await make_door(accounts=(account,), ip_allow=())
        registered = await door.wait(facts.AccountRegistered)
        assert registered.account == "pbx"
        assert 0 < registered.expires_s <= 300
        call = await registrar.invite(door.uri)
        incoming = await door.wait(facts.IncomingCall)
        assert incoming.account == "pbx"
        await door.engine.refuse(incoming.call, 486)
        await call.wait_final()
        await door.engine.stop()
        last = registrar.received("REGISTER")[-1].message
        assert "expires=0" in (last.header("Contact") or "") or last.header("Expires") == "0"
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
