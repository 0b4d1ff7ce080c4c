"""A whole door on this machine: `doorbus up` with the real bus and the real services, for tests and the demo.

    async with Stack(document) as stack:
        await stack.chip.press(0)
        answered = await stack.event("call.answered")

It listens to everything that happens on the bus, with arrival times, and can ask for things as the client `operator`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import Template
from types import TracebackType
from typing import Any, Self

import nats
import psutil
from nats.aio.client import Client
from nats.aio.msg import Msg

from doorbus.runtime.connection import close_client, settle
from doorbus_testkit.chip import SimulatedChip
from doorbus_testkit.polling import eventually
from doorbus_testkit.ports import free_port_block, free_tcp_port, give_back
from doorbus_testkit.processes import Process

SIP_PORTS = 11
RTP_PORTS = 160  # nine workers with four calls of two ports, and shares to spare for those that are replaced
READY_S = 60.0
CLI_S = 30.0
END_S = 12.0  # `doorbus up` gives its services time for their last BYE, and kills what hangs

SIP_SECTION = Template(
    """
sip:
  listen: {host: 127.0.0.1, udp: $sip, tcp: $sip}
  ports: {dialers: $first-$last, rtp: $rtp-$rtp_last}
  ip_calls: {enabled: true, allow: ["127.0.0.0/8"]}
"""
)


@dataclass(frozen=True)
class Told:
    """An event as it came over the bus; `at` is monotonic seconds of its arrival here."""

    what: str
    data: dict[str, Any]
    headers: dict[str, str]
    at: float


@dataclass
class Options:
    """What may differ from a plain `doorbus up`."""

    env: dict[str, str] = field(default_factory=dict)
    wrap: tuple[str, ...] = ()
    """A command in front of `doorbus up`, like `ip netns exec NAME`."""
    web: bool = False
    """The web service runs too."""


class Stack:
    """A door that runs.

    Args:
        document: YAML of the door `front`; `$sip`, `$first`, … are filled in, and a `sip:` section for loopback is
            put in where there is none.
        options: environment of the services and the like.
    """

    door = "front"

    def __init__(self, document: str, options: Options | None = None) -> None:
        self.options = options or Options()
        self.sip_port = free_port_block(SIP_PORTS)
        self.rtp_port = free_port_block(RTP_PORTS, even=True)
        self.web_port = 0
        self.folder = Path(tempfile.mkdtemp(prefix="doorbus-stack-"))
        self.events: list[Told] = []
        self._template = document
        self._up: Process | None = None
        self._client: Client | None = None
        self._chip: SimulatedChip | None = None
        self._news = asyncio.Event()

    # --- addresses and parts -------------------------------------------------------------------------------------

    @property
    def uri(self) -> str:
        """Where the door is called."""
        return f"sip:door@127.0.0.1:{self.sip_port}"

    @property
    def run_dir(self) -> Path:
        """The run directory of `doorbus up`."""
        return self.folder / "run"

    @property
    def document_file(self) -> Path:
        """The document given to `doorbus up`."""
        return self.folder / "door.yaml"

    @property
    def chip(self) -> SimulatedChip:
        """The simulated chip of io."""
        if self._chip is None:
            raise RuntimeError("the stack is not started")
        return self._chip

    @property
    def client(self) -> Client:
        """A connection as `operator`."""
        if self._client is None:
            raise RuntimeError("the stack is not started")
        return self._client

    @property
    def up(self) -> Process:
        """The process of `doorbus up`."""
        if self._up is None:
            raise RuntimeError("the stack is not started")
        return self._up

    # --- life ----------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            self.print_logs()
            await self.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.print_logs()
        await self.stop()

    async def start(self) -> None:
        """Runs `doorbus up` and waits until the door is ready."""
        self.write(self._template)
        env = {**os.environ, "DOORBUS_LOG_LEVEL": "info", **self.options.env}
        env.pop("DOORBUS_RUN_DIR", None)
        program = Path(sys.executable).parent / "doorbus"
        argv: list[str | Path] = [*self.options.wrap, program, "up", "-f", self.document_file]
        argv += ["--run-dir", self.run_dir, "--json"]
        argv += ["--web-port", str(self._web_port())] if self.options.web else ["--no-web"]
        self._up = Process(argv, log=self.folder / "up.log", env=env)
        await eventually(self._is_ready_or_over, READY_S, what="the door is ready")
        if not self.up.running:
            raise AssertionError(f"doorbus up ended: {self.up.log_text()[-3000:]}")
        await self.connect()
        self._chip = SimulatedChip(self.run_dir / "sim.sock")
        await self._chip.__aenter__()

    async def connect(self) -> None:
        """Connects to the bus and listens to all events."""
        context = self._context()
        self._client = await nats.connect(
            context["url"],
            user=context["user"],
            password=context["password"],
            inbox_prefix=f"_INBOX.{context['user']}",
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.1,
            error_cb=_quiet,
        )
        await self._client.subscribe(f"door.{self.door}.event.>", cb=self._on_event)
        await settle(self._client)

    async def stop(self) -> None:
        """Ends everything and removes its folder."""
        if self._chip is not None:
            with contextlib.suppress(Exception):
                await self._chip.__aexit__(None, None, None)
        if self._client is not None:
            await close_client(self._client)
        if self._up is not None:
            await self._up.end(END_S)
        give_back(self.sip_port, SIP_PORTS)
        give_back(self.rtp_port, RTP_PORTS)
        if self.web_port:
            give_back(self.web_port)
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- the document --------------------------------------------------------------------------------------------

    def fill(self, document: str) -> str:
        """Returns a document with this stack's ports in it."""
        text = document if "\nsip:" in document else document + SIP_SECTION.template
        return Template(text).safe_substitute(
            sip=self.sip_port,
            first=self.sip_port + 1,
            last=self.sip_port + SIP_PORTS - 1,
            rtp=self.rtp_port,
            rtp_last=self.rtp_port + RTP_PORTS - 1,
            folder=self.folder,
        )

    def write(self, document: str) -> None:
        """Writes the document's file, with this stack's ports in it."""
        self.document_file.write_text(self.fill(document))

    async def apply(self, document: str) -> None:
        """Applies another document with `doorbus apply` and waits until all services have taken it."""
        self.write(document)
        code, output = await self.cli("apply", "-f", str(self.document_file), "--json")
        if code != 0:
            raise AssertionError(f"doorbus apply: {output}")
        written = json.loads(output)
        services = {"sip", "io", "policy", "scheduler", "actions", "multicast"} if written["changed"] else set()
        services |= {"web"} if written["changed"] and self.options.web else set()

        def taken() -> bool:
            told = self.told("document.changed", revision=written["revision"], result="taken")
            return services <= {each.data["service"] for each in told}

        await eventually(taken, what="all services have taken the document")

    async def cli(self, *words: str) -> tuple[int, str]:
        """Runs a `doorbus` command against this door; returns exit code and output."""
        program = Path(sys.executable).parent / "doorbus"
        process = await asyncio.create_subprocess_exec(
            str(program),
            *words,
            env={
                **os.environ,
                **self.options.env,
                "DOORBUS_RUN_DIR": str(self.run_dir),
                "PYTHONFAULTHANDLER": "1",
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        talk = asyncio.create_task(process.communicate())
        done, _ = await asyncio.wait({talk}, timeout=CLI_S)
        if not done:
            process.send_signal(signal.SIGABRT)  # it says where it hangs
        output, _ = await talk
        if not done:
            raise AssertionError(f"doorbus {' '.join(words)} hangs: {output.decode()}")
        return process.returncode or 0, output.decode()

    # --- what happens --------------------------------------------------------------------------------------------

    def told(self, what: str, since: float = 0.0, **fields: object) -> list[Told]:
        """Returns the events `<domain>.<what>` with these fields that came after `since` (monotonic seconds)."""
        return [
            told
            for told in self.events
            if told.what == what
            and told.at >= since
            and all(told.data.get(name) == value for name, value in fields.items())
        ]

    async def event(self, what: str, within_s: float = 10.0, since: float = 0.0, **fields: object) -> Told:
        """Waits for the first event `<domain>.<what>` with these fields; it may have come already."""
        deadline = time.monotonic() + within_s
        while True:
            self._news.clear()
            found = self.told(what, since, **fields)
            if found:
                return found[0]
            try:
                async with asyncio.timeout(max(deadline - time.monotonic(), 0)):
                    await self._news.wait()
            except TimeoutError:
                seen = [f"{told.what} {told.data}" for told in self.events[-15:]]
                raise AssertionError(f"no {what} {fields} within {within_s:g} s; last: {seen}") from None

    async def wish(self, verb: str, *, relay: str | None = None, client: str = "operator", **fields: object) -> Any:
        """Sends a wish by hand, as any program would, and returns the answer's JSON."""
        now = datetime.now(UTC)
        times = {"issued_at": now.isoformat(), "expires_at": (now + timedelta(seconds=2)).isoformat()}
        body = {"id": str(uuid.uuid4()), **times, **fields}
        middle = f"{verb}.{relay}" if relay else verb
        subject = f"door.{self.door}.cmd.policy.{middle}.{client}"
        answer = await self.client.request(subject, json.dumps(body).encode(), timeout=3)
        return json.loads(answer.data)

    async def state(self, service: str) -> Any:
        """Returns the kept state of a service, None where there is none."""
        try:
            bucket = await self.client.jetstream().key_value("DOORBUS_STATE")
            entry = await bucket.get(f"{self.door}.{service}")
        except nats.js.errors.Error:
            return None
        return json.loads(entry.value or b"null")

    # --- its processes -------------------------------------------------------------------------------------------

    def progress(self) -> list[dict[str, Any]]:
        """Returns the progress lines of `doorbus up --json`."""
        lines = []
        for line in self.up.log_text().splitlines():
            with contextlib.suppress(ValueError):
                parsed = json.loads(line)
                if isinstance(parsed, dict) and "event" in parsed:
                    lines.append(parsed)
        return lines

    def pid(self, service: str) -> int:
        """Returns the process id of a service (`nats` too) as it runs now."""
        pids = [line["pid"] for line in self.progress() if line["event"] == "started" and line["service"] == service]
        if not pids:
            raise AssertionError(f"{service} was never started")
        return int(pids[-1])

    def process(self, service: str) -> psutil.Process:
        """Returns a service's process, to kill or to stall it."""
        return psutil.Process(self.pid(service))

    def workers(self) -> list[psutil.Process]:
        """Returns sip's worker processes."""
        return [
            child
            for child in self.process("sip").children(recursive=True)
            if "doorbus_sip.worker" in " ".join(child.cmdline())
        ]

    def log_of(self, service: str) -> str:
        """Returns a service's log so far."""
        path = self.run_dir / "logs" / f"{service}.log"
        return path.read_text() if path.exists() else ""

    def web_login(self) -> tuple[str, str, str]:
        """Returns the address of the pages without the last slash, and user and one-time password of their admin."""
        said = next(line for line in self.progress() if line["event"] == "web")
        return said["url"].rstrip("/"), said["user"], said["password"]

    def _web_port(self) -> int:
        self.web_port = self.web_port or free_tcp_port()
        return self.web_port

    def _context(self) -> dict[str, str]:
        context: dict[str, str] = json.loads((self.run_dir / "client.json").read_text())
        context["password"] = Path(context["password_file"]).read_text().strip()
        return context

    def _is_ready_or_over(self) -> bool:
        return not self.up.running or any(line["event"] == "ready" for line in self.progress())

    async def _on_event(self, message: Msg) -> None:
        what = message.subject.split(".event.", 1)[-1]
        with contextlib.suppress(ValueError):
            self.events.append(Told(what, json.loads(message.data), dict(message.headers or {}), time.monotonic()))
            self._news.set()

    def print_logs(self) -> None:
        """Shows pytest, on a failure, what everybody said last."""
        for told in self.events[-40:]:
            print(f"{told.at:.3f} {told.what} {json.dumps(told.data)}")  # noqa: T201  # captured by pytest
        for path in [self.folder / "up.log", *sorted((self.run_dir / "logs").glob("*.log"))]:
            if path.exists():
                print(f"--- {path.name}\n{path.read_text()[-2500:]}")  # noqa: T201  # captured by pytest


async def _quiet(_: Exception) -> None:
    """Says nothing: tests take the bus away on purpose."""
