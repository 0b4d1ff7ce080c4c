"""The outputs and inputs that the machine has, and which of them a name means."""

import enum
import os
from dataclasses import dataclass
from typing import Any

import miniaudio

SOUND_SERVER = miniaudio.Backend.PULSEAUDIO
"""PipeWire answers to this name too."""


NOBODY = "no sound server answers (PULSE_SERVER, XDG_RUNTIME_DIR) and there is no ALSA device"


class Direction(enum.Enum):
    """Which way the sound goes."""

    PLAYBACK = "playback"
    CAPTURE = "capture"


@dataclass(frozen=True, slots=True)
class Device:
    """One output or input.

    Attributes:
        id: the sound server's name of it, which stays the same.
        name: for people.
        backend: `pulseaudio` or `alsa`.
        default: whether it is what a document without a name gets.
    """

    id: str
    name: str
    direction: Direction
    backend: str
    default: bool


def backends() -> list[miniaudio.Backend]:
    """Returns what to try, in this order: a machine whose environment names a sound server wants no other way."""
    return [SOUND_SERVER] if os.environ.get("PULSE_SERVER") else [SOUND_SERVER, miniaudio.Backend.ALSA]


def list_devices() -> list[Device]:
    """Returns what there is, outputs first.

    Raises:
        LookupError: neither a sound server nor ALSA answers; the text says what to do.
    """
    return [device for device, _ in _found()]


def device_id(name: str, direction: Direction) -> Any:
    """Returns what miniaudio calls the device with this id or name.

    Raises:
        LookupError: there is none; the text lists what there is.
    """
    known = [(device, handle) for device, handle in _found() if device.direction is direction]
    for device, handle in known:
        if name in {device.id, device.name}:
            return handle
    ids = ", ".join(device.id for device, _ in known) or "none at all"
    raise LookupError(f"there is no {direction.value} device {name!r}, only {ids}")


def _found() -> list[tuple[Device, Any]]:
    """Returns each device with a copy of miniaudio's id, whose memory begins with the sound server's name of it."""
    ffi, lib = miniaudio.ffi, miniaudio.lib
    context = ffi.new("ma_context*")
    wanted = [backend.value for backend in backends()]
    if lib.ma_context_init(ffi.new("ma_backend[]", wanted), len(wanted), ffi.NULL, context) != lib.MA_SUCCESS:
        raise LookupError(NOBODY)
    try:
        backend = ffi.string(lib.ma_get_backend_name(context.backend)).decode().lower()
        lists = [(ffi.new("ma_device_info**"), ffi.new("ma_uint32*")) for _ in Direction]
        if lib.ma_context_get_devices(context, *lists[0], *lists[1]) != lib.MA_SUCCESS:
            raise LookupError(f"{backend} lists no devices")
        found = []
        for direction, (infos, count) in zip(Direction, lists, strict=True):
            for info in (infos[0][place] for place in range(count[0])):
                handle = ffi.new("ma_device_id*", info.id)
                its_id = bytes(ffi.buffer(handle)).partition(b"\0")[0].decode(errors="replace")
                its_name = ffi.string(info.name).decode(errors="replace")
                found.append((Device(its_id, its_name, direction, backend, bool(info.isDefault)), handle))
        return found
    finally:
        lib.ma_context_uninit(context)
