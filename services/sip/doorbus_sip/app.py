"""The sip service, composed: read from top to bottom, this is all that it does."""

from __future__ import annotations

import asyncio
from importlib.metadata import version

import structlog
from pydantic import SecretStr

from doorbus.contract.catalog import SIP_ORDERS
from doorbus.contract.document import Door, SecretRef
from doorbus.runtime.documents import Document
from doorbus.runtime.secrets import resolve
from doorbus.runtime.service import running
from doorbus_sip.config import EngineConfig
from doorbus_sip.configure import engine_config
from doorbus_sip.engine import SipEngine
from doorbus_sip.settings import SipSettings
from doorbus_sip.shell import SipShell

log = structlog.get_logger()


async def main(settings: SipSettings) -> None:
    """Runs sip for one door until SIGTERM or SIGINT; calls end in order and accounts are unregistered."""
    async with running("sip", version("doorbus-sip"), settings) as service:
        service.health.set("document", False)
        service.health.set("engine", False)
        shell = SipShell(settings.door, service.bus)
        documents: asyncio.Queue[Document] = asyncio.Queue()
        service.bus.follow_documents(lambda _door, document: documents.put_nowait(document))
        await service.bus.serve_orders(SIP_ORDERS, shell.on_order)
        await service.bus.keep_leases(shell.on_page_lease, lambda _door, _kind: None, kind="page")
        service.spawn(shell.keep_state(), "state of the door")
        service.spawn(shell.guard_holds(), "holds")
        runner = EngineRunner(settings, shell)

        async def follow() -> None:
            while True:
                document = await documents.get()
                service.health.set("document", True)
                await runner.take(document.door)
                service.health.set("engine", True)

        service.spawn(follow(), "engine")
        try:
            await service.until_stopped()
        finally:
            await runner.stop()


class EngineRunner:
    """Keeps an engine running with the document in force.

    What the workers bind (addresses, ports, a transport that no account has used so far) is taken by a new engine,
    whose predecessor's calls end in order; everything else is changed under way.

    Args:
        settings: of the process.
        shell: what the engine tells its facts to.
    """

    def __init__(self, settings: SipSettings, shell: SipShell) -> None:
        self._settings = settings
        self._shell = shell
        self._engine: SipEngine | None = None
        self._left_out: set[str] = set()

    async def take(self, door: Door) -> None:
        """Takes a document.

        Raises:
            TimeoutError, ValueError: the engine does not start with it (a port is taken, too few RTP ports).
        """
        before, self._left_out = self._left_out, set()
        config = engine_config(
            door,
            self._resolve,
            self._missing,
            spare_dialers=self._settings.spare_dialers,
            audio_dir=self._settings.audio_dir,
        )
        for part in before - self._left_out:
            self._shell.recovered(part)
        if self._engine is not None:
            config = config.model_copy(update={"kept_transports": self._engine.config.transports})
        if self._engine is not None and _bound(self._engine.config) != _bound(config):
            log.warning("addresses or ports changed: the workers start anew")
            await self.stop()
        if self._engine is None:
            engine = SipEngine(config, self._shell.on_fact)
            self._shell.use(engine, door)
            await engine.start()
            self._engine = engine
            log.info("listening", udp=engine.ports.udp, tcp=engine.ports.tcp)
        else:
            self._shell.use(self._engine, door)
            await self._engine.reconfigure(config)

    async def stop(self) -> None:
        """Ends the engine, if there is one, with its calls."""
        if self._engine is not None:
            engine, self._engine = self._engine, None
            await engine.stop()

    def _resolve(self, reference: SecretRef) -> SecretStr:
        return resolve(reference, self._settings.secrets_dir)

    def _missing(self, what: str, why: str) -> None:
        log.error("left out", what=what, why=why)
        part = "tls" if what == "tls" else "account"
        self._left_out.add(part)
        self._shell.degraded(part, f"{what}: {why}")


def _bound(config: EngineConfig) -> tuple[object, ...]:
    nat = (config.nat.public_address, config.nat.stun)
    return (config.listen, config.tls, nat, config.rtp, config.dialer_ports, config.codecs, config.transports)
