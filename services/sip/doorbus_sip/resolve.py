"""The addresses behind an account's registrar and proxy: the sources whose INVITEs belong to it."""

import asyncio
import re
import socket

import structlog

from doorbus_sip.config import Account, EngineConfig
from doorbus_sip.protocol import WorkerAccount

log = structlog.get_logger()
_RESOLVE_S = 5.0
"""The engine's start waits for it; a door without a name server must come up too."""
_HOST = re.compile(r"^<?sips?:(?:[^@]*@)?(\[[^\]]+\]|[^:;>?]+)", re.IGNORECASE)


def host_of(uri: str) -> str | None:
    """The host of a SIP URI."""
    found = _HOST.match(uri)
    return found[1].strip("[]") if found else None


async def resolve(config: EngineConfig) -> tuple[WorkerAccount, ...]:
    """The accounts for the workers, each with the networks of its registrar, its proxy and its trusted sources.

    A name that cannot be resolved now is left out with a warning; the caller resolves again later.
    """
    return tuple(await asyncio.gather(*(_account(account, config.nat.keepalive_s) for account in config.accounts)))


async def _account(account: Account, keepalive_s: int) -> WorkerAccount:
    hosts = [host for uri in (account.registrar, account.proxy) if uri and (host := host_of(uri))]
    found = [network for host in hosts for network in await _addresses(host)]
    return WorkerAccount(
        id=account.id,
        aor=account.aor,
        registrar=_with_transport(account.registrar, account.transport),
        proxy=_route(account.proxy, account.transport),
        username=account.username,
        password=account.password.get_secret_value(),
        display_name=account.display_name,
        transport=account.transport,
        srtp=account.srtp,
        expires_s=account.expires_s,
        session_timer=account.session_timer,
        prack=account.prack,
        keepalive_s=keepalive_s,
        networks=tuple(dict.fromkeys((*found, *account.trusted_sources))),
    )


async def _addresses(host: str) -> list[str]:
    try:
        async with asyncio.timeout(_RESOLVE_S):
            found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except OSError as error:  # a timeout is one
        log.warning("cannot resolve", host=host, error=str(error) or "no answer")
        return []
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _with_transport(uri: str | None, transport: str) -> str | None:
    if uri is None or transport == "udp" or "transport=" in uri:
        return uri
    return f"{uri};transport={transport}"


def _route(uri: str | None, transport: str) -> str | None:
    target = _with_transport(uri, transport)
    if target is None or ";lr" in target:
        return target
    return f"<{target.strip('<>')};lr>"
