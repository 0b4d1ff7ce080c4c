"""`doorbus page`: sends a WAV file as a page, to try listeners; nothing else needs to run here, not even a bus."""

from __future__ import annotations

import ipaddress
import json
from pathlib import Path
from typing import Annotated

import typer

from doorbus_cli.exits import Exit, fail
from doorbus_cli.options import AsJson

DEFAULT_DYNAMIC = 96


def page(
    file: Annotated[Path, typer.Argument(help="A WAV file, PCM at any rate.", dir_okay=False, exists=True)],
    address: Annotated[str, typer.Argument(help="Where to, like 239.1.1.1:5004.")],
    codec: Annotated[str, typer.Option(help="PCMU, PCMA, G722, or L16/RATE/CHANNELS, like L16/16000/1.")] = "PCMU",
    payload_type: Annotated[
        int | None, typer.Option(min=0, max=127, help="In each packet; by the codec.", show_default=False)
    ] = None,
    interface: Annotated[str | None, typer.Option(help="Network interface to send from.")] = None,
    ttl: Annotated[int, typer.Option(min=0, max=255, help="Routers that may pass it on, and one.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Sends a sound file as a page over RTP multicast, in real time."""
    from doorbus_cli import page_stream  # numpy and the codecs take as long to load as all the rest

    try:
        target = _target(address)
        form = page_stream.format_of(codec)
        sound = page_stream.read_sound(file, form.rate)
        number = payload_type if payload_type is not None else page_stream.static_type(form)
        with page_stream.open_sender(interface, ttl) as sender:
            sent = page_stream.send(
                page_stream.packets(sound, form, DEFAULT_DYNAMIC if number is None else number), form, sender, target
            )
    except page_stream.PageError as error:
        fail(Exit.INVALID, "invalid_page", str(error), as_json=as_json)
    except OSError as error:
        fail(Exit.UNREACHABLE, "not_sent", f"{address}: {error.strerror or error}", as_json=as_json)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    seconds = round(len(sound) / form.rate, 2)
    if as_json:
        typer.echo(
            json.dumps({"ok": True, "address": address, "codec": str(form), "seconds": seconds, "packets": sent})
        )
    else:
        typer.echo(f"sent {seconds:g} s as {form} to {address}, {sent} packets")


def _target(address: str) -> tuple[str, int]:
    from doorbus_cli.page_stream import PageError  # as above

    host, _, port = address.rpartition(":")
    try:
        group = ipaddress.IPv4Address(host)
        number = int(port)
    except ValueError:
        raise PageError(f"{address!r} is no address:port, like 239.1.1.1:5004") from None
    if not group.is_multicast or not 1 <= number <= 65535:
        raise PageError(f"{address!r}: addresses are 224.0.0.0 to 239.255.255.255, ports 1 to 65535")
    return str(group), number
