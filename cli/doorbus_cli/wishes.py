"""`doorbus press | call | hangup | unlock | dnd | status`: wishes to policy, and its answers in words."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any

import typer

from doorbus.contract import wishes
from doorbus.contract.base import Wish
from doorbus.contract.subjects import is_token
from doorbus_cli.answers import accepted, say, status_in_words
from doorbus_cli.client import Answer, connected, send_wish, stamps
from doorbus_cli.context import Context
from doorbus_cli.documents import only_relay
from doorbus_cli.options import Where, on_the_bus

Account = Annotated[str | None, typer.Option(help="The SIP account; 'ip' for direct calls.", show_default="any")]


class Switch(StrEnum):
    """On or off."""

    ON = "on"
    OFF = "off"


def _id(value: str | None) -> str | None:
    if value is not None and not is_token(value):
        raise typer.BadParameter("letters, digits, - and _ only, 1 to 64 of them")
    return value


@on_the_bus
def press(
    where: Where,
    input: Annotated[str, typer.Argument(callback=_id, help="Id of the button in the document.")],  # noqa: A002  # the name in the usage line
) -> None:
    """Presses a button, as a finger would."""
    answer = _wish(where, lambda stamp: wishes.WishPress(input=input, **stamp))
    say(answer, accepted(f"{input} pressed", answer), as_json=where.as_json)


@on_the_bus
def call(
    where: Where,
    number: Annotated[str, typer.Argument(help="Number, SIP URI or address to call.")],
    account: Account = None,
) -> None:
    """Has the door call somebody."""
    answer = _wish(where, lambda stamp: wishes.WishCall(to=number, account=account, **stamp))
    say(answer, accepted(f"calling {number}", answer), as_json=where.as_json)


@on_the_bus
def hangup(
    where: Where,
    call: Annotated[str | None, typer.Option(help="Id of the call.", show_default="the door's call")] = None,
) -> None:
    """Ends the door's call."""
    answer = _wish(where, lambda stamp: wishes.WishHangUp(call=call, **stamp))
    say(answer, accepted("hanging up", answer), as_json=where.as_json)


@on_the_bus
def unlock(
    where: Where,
    relay: Annotated[
        str | None, typer.Argument(callback=_id, help="Id of the relay; may be left out where there is one.")
    ] = None,
) -> None:
    """Opens the door."""

    async def work(context: Context) -> tuple[str, Answer]:
        name = context.need_door()
        async with connected(context) as connection:
            which = relay or await only_relay(connection, name)
            return which, await send_wish(connection, name, wishes.WishUnlock(**stamps(connection)), which)

    which, answer = where.run(work)
    say(answer, accepted(f"unlocking {which}", answer), as_json=where.as_json)


@on_the_bus
def dnd(
    where: Where,
    switch: Annotated[Switch, typer.Argument(help="Do not disturb: on or off.")],
    account: Account = None,
) -> None:
    """Turns do-not-disturb on or off."""
    enabled = switch is Switch.ON
    answer = _wish(where, lambda stamp: wishes.WishDnd(enabled=enabled, account=account, **stamp))
    whom = f" for {account}" if account else ""
    say(answer, accepted(f"do not disturb is {switch}{whom}", answer), as_json=where.as_json)


@on_the_bus
def status(where: Where) -> None:
    """Tells how the door is."""
    answer = _wish(where, lambda stamp: wishes.WishStatus(**stamp))
    say(answer, status_in_words(answer), as_json=where.as_json)


def _wish(where: Where, make: Callable[[dict[str, Any]], Wish]) -> Answer:
    async def work(context: Context) -> Answer:
        name = context.need_door()
        async with connected(context) as connection:
            return await send_wish(connection, name, make(stamps(connection)))

    return where.run(work)
