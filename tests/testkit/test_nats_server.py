"""The real NATS server on a free port, and what a test can do to it."""

import os
import shutil
import signal
import subprocess
import sys

import nats
import nats.errors
import nats.js.errors
import pytest
from nats.aio.msg import Msg

from doorbus.runtime.connection import settle
from doorbus_testkit.nats_server import NatsServer
from doorbus_testkit.polling import eventually, eventually_sync


async def test_a_stalled_server_answers_nothing_and_goes_on_when_resumed() -> None:
    """SIGSTOP makes a request time out while the connection stays up; SIGCONT brings the server back."""
    async with NatsServer() as server:
        client = await nats.connect(server.url)

        async def echo(message: Msg) -> None:
            await message.respond(message.data)

        await client.subscribe("echo", cb=echo)
        assert (await client.request("echo", b"before", timeout=5)).data == b"before"
        server.stall()
        with pytest.raises(nats.errors.TimeoutError):
            await client.request("echo", b"stalled", timeout=0.5)
        assert client.is_connected
        server.resume()
        assert (await client.request("echo", b"after", timeout=5)).data == b"after"
        await client.close()


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_a_restart_keeps_the_port_and_the_store(end: str) -> None:
    """After SIGTERM or SIGKILL the server comes back on its port with the key that was written before."""
    async with NatsServer() as server:
        url = server.url
        client = await nats.connect(url, reconnect_time_wait=0.05)
        bucket = await client.jetstream().create_key_value(bucket="KEPT")
        await bucket.put("door", b"front")
        getattr(server, end)()
        assert not server.process.running
        await eventually(lambda: not client.is_connected, what="the client sees the end")
        server.restart()
        assert url == server.url
        await eventually(lambda: client.is_connected, what="the client is back")
        assert (await bucket.get("door")).value == b"front"
        await client.close()


async def test_a_restart_with_an_empty_store_forgets_the_streams() -> None:
    """restart(empty_store=True) is a bus that lost its disk: the bucket is not found any more."""
    async with NatsServer() as server:
        client = await nats.connect(server.url)
        await client.jetstream().create_key_value(bucket="LOST")
        await client.close()
        server.restart(empty_store=True)
        client = await nats.connect(server.url)
        with pytest.raises(nats.js.errors.BucketNotFoundError):
            await client.jetstream().key_value("LOST")
        await client.close()


async def test_configured_users_are_kept_to_their_permissions() -> None:
    """Users and permissions given as configuration text hold: a publish outside them never arrives."""
    config = """
    authorization { users = [
      { user: all, password: a }
      { user: one, password: b, permissions: { publish: "allowed.>" } }
    ] }
    """
    async with NatsServer(config_text=config) as server:
        reader = await nats.connect(server.url_for("all", "a"))
        arrived: list[str] = []

        async def note(message: Msg) -> None:
            arrived.append(message.subject)

        await reader.subscribe(">", cb=note)
        await settle(reader)

        async def ignore(_error: Exception) -> None:
            """The violation is what this test provokes."""

        writer = await nats.connect(server.url_for("one", "b"), error_cb=ignore)
        await writer.publish("denied.x", b"")
        await writer.publish("allowed.x", b"")
        await writer.flush()
        await eventually(lambda: "allowed.x" in arrived, what="the allowed message")
        assert arrived == ["allowed.x"]
        await writer.close()
        await reader.close()


def test_a_wrong_configuration_fails_with_the_servers_own_words() -> None:
    """A server that cannot start raises an error holding its log, and leaves nothing behind."""
    with pytest.raises(RuntimeError, match="Parse error"), NatsServer(config_text="port: {"):
        pytest.fail("started with a broken configuration")


def test_the_server_dies_with_a_killed_parent() -> None:
    """When the process that started the server gets SIGKILL, the server is gone too."""
    program = (
        "import signal\n"
        "from doorbus_testkit.nats_server import NatsServer\n"
        "with NatsServer() as server:\n"
        "    print(server.process.pid, server.folder, flush=True)\n"
        "    signal.pause()\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        number, folder = parent.stdout.readline().split()
        server_pid = int(number)
        os.kill(server_pid, 0)
        parent.send_signal(signal.SIGKILL)
        parent.wait()

    def gone() -> bool:
        try:
            os.kill(server_pid, 0)
        except ProcessLookupError:
            return True
        return False

    eventually_sync(gone, what="the server ends with its parent")
    shutil.rmtree(folder)
