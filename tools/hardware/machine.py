"""Boots the virtual machine, runs one command of the project in it, and passes its output and its exit code on.

The machine sees the host's file system read-only; what it writes stays in its memory, but for the run's own folder.
So runs do not hinder each other, and leave nothing behind.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from tools.hardware.disk import ROOT, Disk, pack
from tools.hardware.kernel import Kernel

GUEST = Path(__file__).with_name("guest.sh")
PROGRAMS = Path(sys.executable).parent
"""Where virtme-ng's programs lie, which find each other by the path."""

BOOT_S = 90
"""On top of the command's own limit: 10 s on an idle machine, and as much for unpacking the project."""

MACHINE = ("--disable-kvm", "--force-9p", "--cpus", "2", "--memory", "2G", "--user", "root", "--cwd", "/", "--verbose")
PROCESSOR = "Nehalem"
"""Has what wheels want and no more: emulated, the newer string and vector instructions cost far more than they save."""

APPEND = "mitigations=off"
"""Nobody attacks it, and emulated they are slow."""

ENVIRONMENT = {
    "PYDANTIC_DISABLE_PLUGINS": "__all__",  # looking for them reads the metadata of every distribution
    "PYTHONUNBUFFERED": "1",
    "HOME": "/tmp",
    "DOORBUS_TEST_SLOWER": "10",
}
"""`DOORBUS_TEST_SLOWER` is the one place that makes all waits of the tests longer (`doorbus_testkit.polling`)."""

FAILED = 70
"""The exit code when the machine came to no end of its own (EX_SOFTWARE)."""


def run(kernel: Kernel, cache: Path, command: Sequence[str], limit_s: float, passed: Sequence[str] = ()) -> int:
    """Runs a command in the project's folder inside a machine and returns its exit code.

    Args:
        kernel: to boot.
        cache: folder in which the run gets its own.
        command: program and arguments; `python` is the project's.
        limit_s: it is ended after so many seconds.
        passed: names of environment variables that it gets.
    """
    with _folder(cache) as folder:
        disk = pack(folder)
        shutil.copy(kernel.module, folder)
        shutil.copy(GUEST, folder)
        (folder / "setup").write_text(_setup(disk, command, limit_s, passed))
        (folder / "output.log").touch()
        with (folder / "console.log").open("wb") as console:
            machine = subprocess.Popen(
                _argv(kernel, folder, disk),
                cwd=folder,
                env={**os.environ, "PATH": f"{PROGRAMS}:{os.environ.get('PATH', '')}:/usr/sbin:/sbin"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,  # qemu would truncate a file
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                _follow(machine, folder / "output.log", console, limit_s + BOOT_S)
            finally:
                _end(machine)
        return _exit_code(folder)


@contextlib.contextmanager
def _folder(cache: Path) -> Iterator[Path]:
    runs = cache / "runs"
    runs.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=runs) as name:
        yield Path(name)


def _argv(kernel: Kernel, folder: Path, disk: Disk) -> list[str]:
    drive = f"-cpu {PROCESSOR} -drive file={disk.path},if=virtio,format=raw,readonly=on"
    return [
        *("vng", "--run", str(kernel.image), *MACHINE, f"--qemu-opts={drive}", f"--append={APPEND}"),
        *(f"--rwdir=/run/doorbus={folder}", "--", "bash /run/doorbus/guest.sh"),
    ]


def _setup(disk: Disk, command: Sequence[str], limit_s: float, passed: Sequence[str]) -> str:
    values = {**ENVIRONMENT, **{name: os.environ[name] for name in passed if name in os.environ}}
    words = [sys.executable if word == "python" else word for word in command]
    return "".join(
        (
            f"root={shlex.quote(str(ROOT))}\nlimit_s={limit_s:.0f}\n",
            f"command=({shlex.join(words)})\n",
            f"trees=({shlex.join(map(str, disk.trees))})\nfiles=({shlex.join(map(str, disk.files))})\n",
            *(f"export {name}={shlex.quote(value)}\n" for name, value in values.items()),
        )
    )


def _follow(machine: subprocess.Popen[bytes], output: Path, console: IO[bytes], limit_s: float) -> None:
    """Copies the output here as it comes, and the kernel's console into its file, until the machine ends."""
    assert machine.stdout is not None
    os.set_blocking(machine.stdout.fileno(), False)
    ends = time.monotonic() + limit_s
    with output.open("rb") as lines:
        while machine.poll() is None and time.monotonic() < ends:
            _copy(lines, machine.stdout, console)
            time.sleep(0.2)
        _copy(lines, machine.stdout, console)


def _copy(lines: IO[bytes], said: IO[bytes], console: IO[bytes]) -> None:
    sys.stdout.buffer.write(lines.read())
    sys.stdout.flush()
    console.write(said.read() or b"")
    console.flush()


def _end(machine: subprocess.Popen[bytes]) -> None:
    """Ends qemu, whatever it does."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(machine.pid, signal.SIGKILL)
    machine.wait()


def _exit_code(folder: Path) -> int:
    try:
        return int((folder / "exit").read_text())
    except (OSError, ValueError):
        console = (folder / "console.log").read_text(errors="replace")
        sys.stderr.write(f"the machine ended without a result; the end of its console:\n{console[-3000:]}\n")
        return FAILED
