"""`doorbus press | call | hangup | unlock | dnd | status`: wishes to policy, and its answers in words."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from doorbus.contract import wishes
from doorbus.contract.base import Wish
from doorbus.contract.subjects import is_token
from doorbus_cli.answers import accepted, refused, status_in_words
from doorbus_cli.client import Answer, connected, send_wish, stamps
from doorbus_cli.context import Context
from doorbus_cli.documents import only_relay
from doorbus_cli.exits import Exit, fail
from doorbus_cli.options import AsJson, DoorName, NatsUrl, RunDir, User, run_with_context

Account = Annotated[str | None, typer.Option(help="The SIP account; 'ip' for direct calls.", show_default="any")]


class Switch(StrEnum):
    """On or off."""

    ON = "on"
    OFF = "off"


def _id(value: str | None) -> str | None:
    if value is not None and not is_token(value):
        raise typer.BadParameter("letters, digits, - and _ only, 1 to 64 of them")
    return value


def press(
    input: Annotated[str, typer.Argument(callback=_id, help="Id of the button in the document.")],  # noqa: A002  # the name in the usage line
    run_dir: RunDir = None,
    nats_url: NatsUrl = None,
    user: User = None,
    door: DoorName = None,
    as_json: AsJson = False,
) -> None:
    """Presses a button, as a finger would."""
    answer = _wish(lambda stamp: wishes.WishPress(input=input, **stamp), run_dir, nats_url, user, door, as_json=as_json)
    _say(answer, accepted(f"{input} pressed", answer), as_json=as_json)


def call(
    number: Annotated[str, typer.Argument(help="Number, SIP URI or address to call.")],
    account: Account = None,
    run_dir: RunDir = None,
    nats_url: NatsUrl = None,
    user: User = None,
    door: DoorName = None,
    as_json: AsJson = False,
) -> None:
    """Has the door call somebody."""
    answer = _wish(
        lambda stamp: wishes.WishCall(to=number, account=account, **stamp),
        run_dir,
        nats_url,
        user,
        door,
        as_json=as_json,
    )
    _say(answer, accepted(f"calling {number}", answer), as_json=as_json)


def hangup(
    call: Annotated[str | None, typer.Option(help="Id of the call.", show_default="the door's call")] = None,
    run_dir: RunDir = None,
    nats_url: NatsUrl = None,
    user: User = None,
    door: DoorName = None,
    as_json: AsJson = False,
) -> None:
    """Ends the door's call."""
    answer = _wish(lambda stamp: wishes.WishHangUp(call=call, **stamp), run_dir, nats_url, user, door, as_json=as_json)
    _say(answer, accepted("hanging up", answer), as_json=as_json)


def unlock(
    relay: Annotated[
        str | None, typer.Argument(callback=_id, help="Id of the relay; may be left out where there is one.")
    ] = None,
    run_dir: RunDir = None,
    nats_url: NatsUrl = None,
    user: User = None,
    door: DoorName = None,
    as_json: AsJson = False,
) -> None:
    """Opens the door."""

    async def work(context: Context) -> tuple[str, Answer]:
        name = context.need_door()
        async with connected(context) as connection:
            which = relay or await only_relay(connection, name)
            return which, await send_wish(connection, name, wishes.WishUnlock(**stamps(connection)), which)

    which, answer = run_with_context(work, run_dir, nats_url, user, door, as_json=as_json)
    _say(answer, accepted(f"unlocking {which}", answer), as_json=as_json)


def dnd(
    switch: Annotated[Switch, typer.Argument(help="Do not disturb: on or off.")],
    account: Account = None,
    run_dir: RunDir = None,
    nats_url: NatsUrl = None,
    user: User = None,
    door: DoorName = None,
    as_json: AsJson = False,
) -> None:
    """Turns do-not-disturb on or off."""
    enabled = switch is Switch.ON
    answer = _wish(
        lambda stamp: wishes.WishDnd(enabled=enabled, account=account, **stamp),
        run_dir,
        nats_url,
        user,
        door,
        as_json=as_json,
    )
    where = f" for {account}" if account else ""
    _say(answer, accepted(f"do not disturb is {switch}{where}", answer), as_json=as_json)


def status(
    run_dir: RunDir = None,
    nats_url: NatsUrl = None,
    user: User = None,
    door: DoorName = None,
    as_json: AsJson = False,
) -> None:
    """Tells how the door is."""
    answer = _wish(lambda stamp: wishes.WishStatus(**stamp), run_dir, nats_url, user, door, as_json=as_json)
    _say(answer, status_in_words(answer), as_json=as_json)


def _wish(
    make: Callable[[dict[str, Any]], Wish],
    run_dir: Path | None,
    url: str | None,
    user: str | None,
    door: str | None,
    *,
    as_json: bool,
) -> Answer:
    async def work(context: Context) -> Answer:
        name = context.need_door()
        async with connected(context) as connection:
            return await send_wish(connection, name, make(stamps(connection)))

    return run_with_context(work, run_dir, url, user, door, as_json=as_json)


def _say(answer: Answer, words: str, *, as_json: bool) -> None:
    if not answer.ok:
        more = {key: value for key, value in answer.model_dump(mode="json").items() if key not in ("ok", "code")}
        if as_json:
            more.pop("message", None)
            fail(Exit.REFUSED, answer.code or "refused", answer.message or "", as_json=True, **more)
        fail(Exit.REFUSED, answer.code or "refused", refused(answer), as_json=False)
    typer.echo(answer.model_dump_json(exclude_none=True) if as_json else words)
