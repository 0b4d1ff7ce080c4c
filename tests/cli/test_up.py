"""`doorbus up` with a real NATS server and tiny services: kept alive, ended in order, nothing left behind."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import stat
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.js.errors import KeyNotFoundError
from nats.js.kv import KeyValue

from doorbus.contract import subjects
from doorbus.contract.document import from_json
from doorbus_testkit.polling import eventually
from doorbus_testkit.processes import Process

FAKE = Path(__file__).with_name("fake_service.py")
DOCUMENT = "door: front\nio: {relays: [{id: gate, chip: sim, line: 8}]}\n"
RUNNER = """
import sys
import typer
from pathlib import Path
from doorbus_cli.up.command import run_door
from doorbus_cli.up.programs import Service
fake, folder, stubborn = sys.argv[1], sys.argv[2], sys.argv[3].split(",")
def service(name, **more):
    argv = (sys.executable, fake, name, folder, "stubborn" if name in stubborn else "willing")
    return Service(name, argv, 0.5, **more)
rest = (sys.executable, "-c", f"open({folder + '/journal'!r}, 'a').write('io rested\\\\n')")
services = (service("policy", sees_secrets=True), service("sip"), service("io", after_kill=rest))
try:
    run_door(Path(folder, "door.yaml"), Path(folder, "run"), as_json=True, services=services)
except typer.Exit as end:
    sys.exit(end.exit_code)
"""


class Up:
    """A `doorbus up` under test, with what it said."""

    def __init__(self, folder: Path, stubborn: str = "") -> None:
        self.folder = folder
        self.run_dir = folder / "run"
        (folder / "door.yaml").write_text(DOCUMENT)
        (folder / "runner.py").write_text(RUNNER)
        env = os.environ | {"DOORBUS_SECRET_GATE": "1234", "DOORBUS_NATS_PASSWORD": "of somebody else"}
        argv: list[str | Path] = [sys.executable, folder / "runner.py", FAKE, folder, stubborn]
        self.process = Process(argv, log=folder / "up.log", env=env)

    def said(self, event: str, **fields: Any) -> list[dict[str, Any]]:
        """Returns what it said of one kind, with these fields."""
        lines = [json.loads(line) for line in self.process.log_text().splitlines() if line.startswith("{")]
        return [
            line for line in lines if line["event"] == event and all(line.get(key) == fields[key] for key in fields)
        ]

    async def hear(self, event: str, count: int = 1, **fields: Any) -> dict[str, Any]:
        """Waits until it has said something `count` times and returns the last."""
        what = f"up says {event} {fields} {count} times"
        return (await eventually(lambda: self._at_least(event, count, fields), within_s=30, what=what))[-1]

    def _at_least(self, event: str, count: int, fields: dict[str, Any]) -> list[dict[str, Any]] | None:
        said = self.said(event, **fields)
        return said if len(said) >= count else None

    def pids(self) -> set[int]:
        """Returns every process it has started, and theirs."""
        children = [path.read_text() for path in self.folder.glob("*.child")]
        return {line["pid"] for line in self.said("started")} | {int(text) for text in children if text}

    def journal(self) -> list[str]:
        """Returns what the services wrote down."""
        path = self.folder / "journal"
        return path.read_text().splitlines() if path.exists() else []

    def probes(self, service: str) -> int:
        """Returns how often a service was asked whether it is live."""
        path = self.folder / f"{service}.probes"
        return int(path.read_text() or 0) if path.exists() else 0

    def password_of(self, user: str) -> str:
        """Returns the password of a user of the bus."""
        return (self.run_dir / "passwords" / user).read_text().strip()

    async def bucket(self) -> KeyValue:
        """Returns the documents, read as the operator."""
        context = json.loads((self.run_dir / "client.json").read_text())
        password = self.password_of(context["user"])
        client = await nats.connect(
            context["url"],
            user=context["user"],
            password=password,
            inbox_prefix="_INBOX.operator",
            max_reconnect_attempts=-1,
            reconnect_time_wait=1,
        )
        self.client = client
        return await client.jetstream(timeout=1).key_value(subjects.KV_CONFIG)


def alive(pid: int) -> bool:
    """Tells whether a process is there and no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Callable[..., Up]]:
    """Starts `up`; what it leaves is killed."""
    made: list[Up] = []

    def make(stubborn: str = "") -> Up:
        made.append(Up(tmp_path, stubborn))
        return made[-1]

    yield make
    for up in made:
        if hasattr(up, "client"):
            await up.client.close()
        await asyncio.to_thread(up.process.stop, 8.0)
        for pid in up.pids():
            if alive(pid):
                os.kill(pid, signal.SIGKILL)


async def test_a_door_comes_up(start: Callable[..., Up]) -> None:
    """Bus, stores, document and services are there when it says ready; secrets are where they belong only."""
    up = start()
    ready = await up.hear("ready")
    assert ready["door"] == "front"
    assert {"nats", "policy", "sip", "io"} == {line["service"] for line in up.said("started")}
    assert all(alive(pid) for pid in up.pids())
    entry = await (await up.bucket()).get("front")
    assert [relay.id for relay in from_json(entry.value or b"").io.relays] == ["gate"]
    passwords = {path.name: path for path in (up.run_dir / "passwords").iterdir()}
    assert {0o600} == {stat.S_IMODE(path.stat().st_mode) for path in [*passwords.values(), up.run_dir / "nats.conf"]}
    assert len(passwords) == len({path.read_text() for path in passwords.values()})
    for name in ("policy", "sip", "io"):
        env = json.loads((up.folder / f"{name}.env").read_text())
        assert (name, passwords[name].read_text().strip()) == (env["DOORBUS_NATS_USER"], env["DOORBUS_NATS_PASSWORD"])
        assert ("DOORBUS_SECRET_GATE" in env) == (name == "policy")
    assert "password" not in up.process.log_text()


async def test_a_killed_service_is_started_again(start: Callable[..., Up]) -> None:
    """The first time at once, after its helper has brought the relays to rest; the second time after a pause."""
    up = start()
    await up.hear("ready")
    first = await up.hear("started", service="io")
    os.kill(first["pid"], signal.SIGKILL)
    exited = await up.hear("exited", service="io")
    assert (exited["code"], exited["pause_s"]) == (-signal.SIGKILL, 0)
    second = await up.hear("started", 2, service="io")
    await eventually(lambda: up.journal().count("io started") == 2, what="io is there again")
    assert [line for line in up.journal() if line.startswith("io")] == ["io started", "io rested", "io started"]
    os.kill(second["pid"], signal.SIGKILL)
    assert (await up.hear("exited", 2, service="io"))["pause_s"] == 0.5
    await up.hear("started", 3, service="io")


async def test_a_hanging_service_is_killed_and_started_again(start: Callable[..., Up]) -> None:
    """A service that stands still (SIGSTOP) is noticed by its silence, killed, and its relays are brought to rest."""
    up = start()
    await up.hear("ready")
    first = await up.hear("started", service="io")
    await eventually(lambda: up.probes("io") >= 2, what="io was seen live")
    os.kill(first["pid"], signal.SIGSTOP)
    assert (await up.hear("hangs", service="io"))["pid"] == first["pid"]
    await up.hear("started", 2, service="io")
    await eventually(lambda: up.journal().count("io started") == 2, what="io is there again")
    assert [line for line in up.journal() if line.startswith("io")] == ["io started", "io rested", "io started"]


async def test_a_killed_bus_comes_back_where_it_was(start: Callable[..., Up]) -> None:
    """NATS is started again on its port with its store; the document stands as it was."""
    up = start()
    await up.hear("ready")
    bucket = await up.bucket()
    revision = (await bucket.get("front")).revision
    os.kill((await up.hear("started", service="nats"))["pid"], signal.SIGKILL)
    await up.hear("started", 2, service="nats")

    async def same() -> bool:
        return (await bucket.get("front")).revision == revision

    await eventually(same, within_s=20, what="the document is there again")
    assert len(up.said("document")) == 1


async def test_an_empty_store_gets_the_document_again(start: Callable[..., Up]) -> None:
    """A server that lost its store gets stream, buckets and the document as the file has it now."""
    up = start()
    await up.hear("ready")
    bucket = await up.bucket()
    (up.folder / "door.yaml").write_text(DOCUMENT.replace("gate", "lamp"))
    shutil.rmtree(up.run_dir / "nats")
    os.kill((await up.hear("started", service="nats"))["pid"], signal.SIGKILL)
    await up.hear("document", 2, changed=True)
    entry = await bucket.get("front")
    assert [relay.id for relay in from_json(entry.value or b"").io.relays] == ["lamp"]


async def test_a_document_applied_meanwhile_survives_a_reconnect(start: Callable[..., Up]) -> None:
    """Only a missing document is written when the bus comes back, never over what somebody applied."""
    up = start()
    await up.hear("ready")
    bucket = await up.bucket()
    newer = await bucket.put("front", b'{"door":"front"}')
    os.kill((await up.hear("started", service="nats"))["pid"], signal.SIGKILL)
    await up.hear("started", 2, service="nats")

    async def still_there() -> bool:
        return (await bucket.get("front")).revision == newer

    await eventually(still_there, within_s=20, what="the newer document is there")
    await bucket.delete("front")
    os.kill((await up.hear("started", 2, service="nats"))["pid"], signal.SIGKILL)
    await up.hear("document", 2, changed=True)  # a second reconnect proves that the first had its chance
    with pytest.raises(KeyNotFoundError):
        await bucket.get("back")


async def test_it_ends_in_order(start: Callable[..., Up]) -> None:
    """On SIGTERM policy goes first, then sip, then io, NATS last; nothing is left, the exit code is 0."""
    up = start()
    await up.hear("ready")
    up.process.terminate()
    assert await up.process.wait_exit(10) == 0
    assert [line for line in up.journal() if "ended" in line] == ["policy ended", "sip ended", "io ended"]
    assert set() == {pid for pid in up.pids() if alive(pid)}
    assert not (up.run_dir / "client.json").exists()
    assert up.said("stopped")


async def test_who_does_not_end_is_killed(start: Callable[..., Up]) -> None:
    """A service that ignores SIGTERM is killed with its children, and io's helper rests the relays."""
    up = start("io")
    await up.hear("ready")
    up.process.terminate()
    assert await up.process.wait_exit(10) == 0
    await up.hear("killed", service="io")
    assert up.journal()[-1] == "io rested"
    assert set() == {pid for pid in up.pids() if alive(pid)}


async def test_a_second_signal_ends_it_at_once(start: Callable[..., Up]) -> None:
    """Who presses Ctrl-C twice does not want to wait."""
    up = start("policy,sip,io")
    await up.hear("ready")
    up.process.terminate()
    await up.hear("stopping")
    up.process.terminate()
    assert await up.process.wait_exit(10) == 0
    assert set() == {pid for pid in up.pids() if alive(pid)}


async def test_nothing_outlives_a_killed_up(start: Callable[..., Up]) -> None:
    """After SIGKILL to `up` itself all it had started ends, what ignores SIGTERM too, and relays come to rest."""
    up = start("io")
    await up.hear("ready")
    pids = up.pids()
    assert len(pids) == 5  # NATS, three services, the stubborn one's child
    up.process.kill9()
    await eventually(lambda: not any(alive(pid) for pid in pids), within_s=20, what="all is ended")
    await eventually(lambda: up.journal()[-1] == "io rested", what="the relays rest")
    assert {"policy ended", "sip ended"} <= set(up.journal())


async def test_it_can_be_started_right_after_a_kill(start: Callable[..., Up]) -> None:
    """The next `up` waits for the leftovers of the killed one to end, and takes over the store."""
    up = start("io")
    await up.hear("ready")
    up.process.kill9()
    shutil.move(up.process.log, up.folder / "first.log")
    again = start()
    await again.hear("ready")
    assert [line["changed"] for line in again.said("document")] == [False]


async def test_two_cannot_share_a_directory(start: Callable[..., Up]) -> None:
    """The second `up` is refused and does the first no harm."""
    up = start()
    await up.hear("ready")
    second = Process(up.process.argv, log=up.folder / "second.log")
    assert await second.wait_exit(20) == 2
    assert f"already (pid {up.process.pid})" in second.log_text()
    assert all(alive(pid) for pid in up.pids())


async def test_an_invalid_document_starts_nothing(start: Callable[..., Up], tmp_path: Path) -> None:
    """Every mistake is named, and the exit code is 2."""
    bad = tmp_path / "bad.yaml"
    bad.write_text("door: FRONT\nio: {relays: [{id: gate, chip: sim, line: -1}]}\n")
    argv: list[str | Path] = [
        sys.executable,
        "-m",
        "doorbus_cli.main",
        "up",
        "-f",
        bad,
        "--run-dir",
        tmp_path / "other",
    ]
    process = Process(argv, log=tmp_path / "bad.log")
    assert await process.wait_exit(20) == 2
    assert "door:" in process.log_text()
    assert "io.relays[0].line:" in process.log_text()
    assert not (tmp_path / "other").exists()
