"""Do Not Disturb, on the wire and on the bus."""

from __future__ import annotations

import pytest
from tests.features.conftest import NewPhone
from tests.features.doors import ANSWER_S, PBX_HOST, document, show, statuses

from doorbus_testkit.stack import Stack

pytestmark = pytest.mark.asyncio(loop_scope="module")

AUTO_ANSWER = {"sip": {"enabled": True}, "ip": {"enabled": True}}


@pytest.mark.feature("dnd.reject")
@pytest.mark.parametrize("host", ["127.0.0.1", PBX_HOST], ids=["direct", "account"])
async def test_a_call_is_refused_at_once_and_never_rings(door: Stack, phone: NewPhone, host: str) -> None:
    """Under DND a caller gets one refusal at once: no 180, no SDP, no RTP, also with auto-answer; `reason: dnd`."""
    await door.apply(document(calls={"dnd": {"enabled": True}, "auto_answer": AUTO_ANSWER}))
    caller = await phone(host=host, rtp=True)
    call = await caller.invite(door.uri)
    final = await call.wait_final()
    show("INVITE to refusal", call.times["ended"] - caller.sent("INVITE")[0].at)
    assert final.status == 486
    assert call.times["ended"] - caller.sent("INVITE")[0].at < 1.0
    assert [code for code in statuses(call) if code != 100] == [486]
    assert not final.body
    ended = await door.event("call.ended")
    assert tuple(ended.data[name] for name in ("reason", "direction", "code", "duration_s")) == (
        "dnd",
        "incoming",
        486,
        0,
    )
    incoming = await door.event("call.incoming")
    assert (incoming.data["decision"], incoming.data["decided_by"]) == ("refuse", "policy")
    assert [told for told in door.events if told.what in ("call.ringing", "call.answered")] == []
    assert call.rtp.received == []


@pytest.mark.feature("dnd.return_code")
@pytest.mark.parametrize("code", [404, 480, 486, 603])
async def test_the_refusal_is_the_documents_code(door: Stack, phone: NewPhone, code: int) -> None:
    """The caller gets exactly `return_code`."""
    await door.apply(document(calls={"dnd": {"enabled": True, "return_code": code}}))
    call = await (await phone()).invite(door.uri)
    assert (await call.wait_final()).status == code
    assert (await door.event("call.ended")).data["code"] == code


@pytest.mark.feature("dnd.return_code")
@pytest.mark.parametrize("code", [200, 403, 487, 600, "busy"])
async def test_another_code_is_refused_on_apply(door: Stack, phone: NewPhone, code: object) -> None:
    """Applying another value fails, naming the field and what it may be, and the door goes on with the code it had."""
    await door.apply(document(calls={"dnd": {"enabled": True, "return_code": 603}}))
    door.write(document(calls={"dnd": {"enabled": True, "return_code": code}}))
    status, output = await door.cli("apply", "-f", str(door.document_file))
    assert status != 0
    assert "calls.dnd.return_code" in output
    assert all(allowed in output for allowed in ("404", "480", "486", "603"))
    call = await (await phone()).invite(door.uri)
    assert (await call.wait_final()).status == 603


@pytest.mark.feature("dnd.account")
@pytest.mark.parametrize(("accounts", "refused"), [(["pbx"], PBX_HOST), (["ip"], "127.0.0.1")], ids=["pbx", "ip"])
async def test_only_the_named_accounts_are_quiet(
    door: Stack, phone: NewPhone, accounts: list[str], refused: str
) -> None:
    """Calls on an account of `dnd.accounts` are refused, `ip` stands for direct ones; the others ring."""
    await door.apply(document(calls={"dnd": {"enabled": True, "accounts": accounts}}))
    for host in ("127.0.0.1", PBX_HOST):
        call = await (await phone(host=host)).invite(door.uri)
        if host == refused:
            assert (await call.wait_final()).status == 486
        else:
            await call.wait("ringing")
            call.cancel()
            assert (await call.wait_final(ANSWER_S)).status == 487


@pytest.mark.feature("dnd.bypass")
async def test_callers_in_bypass_get_through(door: Stack, phone: NewPhone) -> None:
    """On the account the user of From counts; a direct caller counts by his address, whatever he calls himself."""
    await door.apply(document(calls={"dnd": {"enabled": True, "bypass": ["porter", "127.0.0.3"]}}))
    through = [("porter", PBX_HOST), ("anybody", "127.0.0.3")]
    refused = [("nobody", PBX_HOST), ("porter", "127.0.0.1")]
    for user, host in through:
        call = await (await phone(user=user, host=host)).invite(door.uri)
        await call.wait("ringing")
        call.cancel()
        assert (await call.wait_final()).status == 487
    for user, host in refused:
        call = await (await phone(user=user, host=host)).invite(door.uri)
        assert (await call.wait_final()).status == 486
        assert "ringing" not in call.times
