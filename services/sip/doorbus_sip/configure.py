"""From the document of a door to what the engine is told. Secrets are resolved here, in the process that uses them."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from doorbus.contract.document import Door, SecretRef
from doorbus.contract.document import sip as document
from doorbus_sip.config import Account, Audio, DeviceAudio, EngineConfig, FileAudio, Listen, Nat, NoAudio, Tls
from doorbus_sip.pool import SLOTS
from doorbus_sip.tls import authorities, certificate

Resolve = Callable[[SecretRef], SecretStr]
Missing = Callable[[str, str], None]


def engine_config(
    door: Door, resolve: Resolve, on_missing: Missing, *, spare_dialers: int, audio_dir: Path | None
) -> EngineConfig:
    """Returns the engine's configuration for `door`.

    Args:
        door: the document.
        resolve: returns a secret's value; raises LookupError or OSError subclasses, or any Exception of the resolver.
        on_missing: told what is left out and why: an account (its password cannot be resolved, or it wants TLS and the
            authorities to believe cannot be read), or the TLS port (`tls`: no usable certificate). The rest works.
        spare_dialers: idle dialers to keep at least; the largest group gets those it needs, as starting four takes 1 s.
        audio_dir: where relative audio files are.
    """
    tls, no_tls = _tls(door, resolve, on_missing)
    accounts = []
    for account in door.sip.accounts:
        made = _account(account, resolve, on_missing, no_tls)
        if made is not None:
            accounts.append(made)
    return EngineConfig(
        listen=Listen(host=door.sip.listen.host, udp=door.sip.listen.udp, tcp=door.sip.listen.tcp),
        tls=tls,
        nat=Nat(**door.sip.nat.model_dump()),
        dialer_ports=_ports(door.sip.ports.dialers),
        rtp=_range(door.sip.ports.rtp),
        accounts=tuple(accounts),
        ip_calls=door.sip.ip_calls.enabled,
        ip_allow=tuple(str(network) for network in door.sip.ip_calls.allow),
        audio=_audio(door, audio_dir),
        codecs=_codecs(door),
        media_timeout_s=door.sip.media_timeout_s,
        refused_codes=tuple(door.calls.refused_codes),
        spare_dialers=max(spare_dialers, _dialers_for_groups(door)),
    )


def _dialers_for_groups(door: Door) -> int:
    """Returns how many dialers ring the largest group together: the front takes its first leg, they the others."""
    groups = [button.call.numbers for button in door.buttons if button.call and button.call.type == "group"]
    return ceil((max(map(len, groups), default=1) - 1) / SLOTS)


def _codecs(door: Door) -> tuple[str, ...]:
    """Returns what all accounts together want, the first account's order first: the library has one list for all."""
    wanted = [codec for account in door.sip.accounts for codec in account.codecs]
    return tuple(dict.fromkeys(wanted)) or EngineConfig().codecs


def _tls(door: Door, resolve: Resolve, on_missing: Missing) -> tuple[Tls, str]:
    """Returns the TLS settings, and why no account can use TLS, "" if it can."""
    tls, why = Tls(verify=door.sip.tls.verify), ""
    try:
        ca, ca_file = authorities(door.sip.tls, resolve)
        tls = tls.model_copy(update={"ca": ca, "ca_file": ca_file})
    except Exception as error:  # noqa: BLE001  # whatever it is, accounts without TLS must work
        why = f"its TLS trusts nobody: {error}"
    wanted = door.sip.listen.tls
    if wanted is not None:
        try:
            cert, key = certificate(wanted, resolve)
            tls = tls.model_copy(update={"port": wanted.port, "cert": cert, "key": key})
        except Exception as error:  # noqa: BLE001  # as above
            on_missing("tls", str(error))
    return tls, why


def _account(account: document.Account, resolve: Resolve, on_missing: Missing, no_tls: str) -> Account | None:
    if account.transport == "tls" and no_tls:
        on_missing(account.id, no_tls)
        return None
    password = SecretStr("")
    if account.password is not None:
        try:
            password = resolve(account.password)
        except Exception as error:  # noqa: BLE001  # whatever it is, the other accounts must work
            on_missing(account.id, str(error))
            return None
    user = account.aor.partition(":")[2].partition("@")[0]
    return Account(
        id=account.id,
        aor=account.aor,
        registrar=account.registrar,
        proxy=account.proxy,
        username=account.username or user,
        password=password,
        display_name=account.display_name,
        transport=account.transport,
        srtp=account.srtp,
        expires_s=account.expires_s,
        session_timer=account.session_timer,
        prack=account.prack,
        trusted_sources=tuple(str(network) for network in account.trusted_sources),
    )


def _audio(door: Door, folder: Path | None) -> Audio:
    volume = door.audio.volume
    sound: dict[str, Any] = {
        "volume_ring": volume.ring,
        "volume_call": volume.call,
        "mic_gain": door.audio.mic_gain,
    }
    if door.audio.backend == "device":
        return DeviceAudio(playback=door.audio.playback, capture=door.audio.capture, **sound)
    if door.audio.backend != "file":
        return NoAudio(**sound)
    base = folder or Path.cwd()

    def path(name: str | None) -> str | None:
        return None if name is None else str(base / name)

    return FileAudio(play=path(door.audio.play), record=path(door.audio.record), **sound)


def _range(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    return int(first), int(last or first)


def _ports(text: str) -> tuple[int, ...]:
    first, last = _range(text)
    return tuple(range(first, last + 1))
