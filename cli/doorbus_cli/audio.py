"""`doorbus audio`: what this machine plays on and listens at, and a tone to try it with.

It asks the sound server itself, not the bus: run it as the user, and with the `PULSE_SERVER`, of the services.
"""

from __future__ import annotations

import json
import math
import struct
import threading
import time
from typing import TYPE_CHECKING, Annotated

import typer

from doorbus.audio import AudioSettings, open_playback
from doorbus_cli.exits import Exit, fail
from doorbus_cli.options import AsJson

if TYPE_CHECKING:
    from doorbus.audio.devices import Device

RATE = 16_000
TONE_HZ = 660.0
TONE_S = 2.0
AMPLITUDE = 0.3
OPEN_S = 5.0
"""How long the sound server may take to ask for the first sample."""

app = typer.Typer(help="Loudspeakers and microphones of this machine.", invoke_without_command=True)


@app.callback()
def audio(context: typer.Context, as_json: AsJson = False) -> None:
    """Lists the outputs and inputs, by the names that `audio.playback` and `audio.capture` take."""
    if context.invoked_subcommand is not None:
        return
    devices = _devices(as_json=as_json)
    if as_json:
        listed = [
            {
                "id": each.id,
                "name": each.name,
                "direction": each.direction.value,
                "backend": each.backend,
                "default": each.default,
            }
            for each in devices
        ]
        typer.echo(json.dumps({"ok": True, "devices": listed}))
        return
    for direction in ("playback", "capture"):
        typer.echo(f"{direction}:")
        for each in devices:
            if each.direction.value == direction:
                typer.echo(f"  {'*' if each.default else ' '} {each.id}   {each.name}")
    typer.echo(f"(by {devices[0].backend}; * is the default)" if devices else "none")


@app.command("test")
def play_tone(
    device: Annotated[
        str | None, typer.Option(help="An output as `doorbus audio` lists it; default the default.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.1, max=60, help="How long.")] = TONE_S,
    as_json: AsJson = False,
) -> None:
    """Plays a tone of 660 Hz at the loudspeaker."""
    _devices(as_json=as_json)
    source, why = _Tone(seconds), list[str]()
    failed = threading.Event()

    def tell(problem: str | None) -> None:
        if problem is not None:
            why.append(problem)
            failed.set()

    with open_playback(AudioSettings("device", playback=device), RATE, source, on_problem=tell):
        until = time.monotonic() + OPEN_S + seconds
        while not source.over.wait(0.05) and not failed.is_set() and time.monotonic() < until:
            pass
    if why:
        fail(Exit.NOT_FOUND, "no_sound", why[0], as_json=as_json)
    if not source.over.is_set():
        fail(Exit.UNREACHABLE, "no_sound", "the sound server has not taken the tone in time", as_json=as_json)
    played = f"played {TONE_HZ:g} Hz for {seconds:g} s at {device or 'the default output'}"
    typer.echo(json.dumps({"ok": True, "message": played}) if as_json else played)


class _Tone:
    """A sine of some length, and a moment of silence that pushes it out; `over` after that."""

    def __init__(self, seconds: float) -> None:
        self.over = threading.Event()
        self._place = 0
        self._end = round(seconds * RATE)

    def read(self, frames: int) -> bytes:
        """Its next samples."""
        places = range(self._place, self._place + frames)
        self._place += frames
        if self._place > self._end + RATE // 10:
            self.over.set()
        step = 2 * math.pi * TONE_HZ / RATE
        values = (round(AMPLITUDE * 32767 * math.sin(step * place)) if place < self._end else 0 for place in places)
        return struct.pack(f"<{frames}h", *values)


def _devices(*, as_json: bool) -> list[Device]:
    from doorbus.audio.devices import list_devices  # miniaudio, which the other commands do without

    try:
        return list_devices()
    except LookupError as error:
        fail(Exit.UNREACHABLE, "no_sound_server", str(error), as_json=as_json)
