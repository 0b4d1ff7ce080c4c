"""`python -m doorbus_cli.up.guard`: ends what `doorbus up` has started when `up` itself is killed.

It reads JSON lines on standard input: `{"group": PID, "after_kill": ARGV or null, "env": {…}}` for a process group that
runs, `{"gone": PID}` for one that ended. At the end of the input nobody is left to look after the groups: each gets
SIGTERM, after `GRACE_S` SIGKILL, and what was killed its `after_kill` program (relays must rest). In an orderly stop
every group is gone by then. Only the standard library: it is small and starts fast.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field

GRACE_S = 4.0
POLL_S = 0.05


@dataclass
class Group:
    """A process group to look after; its id is the pid of its first process."""

    pid: int
    after_kill: list[str] | None = None
    env: dict[str, str] = field(default_factory=dict)

    def signal(self, number: int) -> None:
        """Sends a signal to all of the group that is left."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    @property
    def alive(self) -> bool:
        """Whether anything of the group is left that is not a zombie's shell; a zombie's parent will reap it."""
        try:
            os.killpg(self.pid, 0)
        except ProcessLookupError:
            return False
        return True


def read_groups() -> dict[int, Group]:
    """Reads until the end of the input and returns what is left then."""
    groups: dict[int, Group] = {}
    for line in sys.stdin:
        message = json.loads(line)
        if "group" in message:
            groups[message["group"]] = Group(message["group"], message.get("after_kill"), message.get("env") or {})
        else:
            groups.pop(message.get("gone"), None)
    return groups


def end(groups: list[Group]) -> None:
    """Ends groups: in order as far as they follow."""
    for group in groups:
        group.signal(signal.SIGTERM)
        group.signal(signal.SIGCONT)  # a stopped process hears SIGTERM only when it goes on
    deadline = time.monotonic() + GRACE_S
    while time.monotonic() < deadline and any(group.alive for group in groups):
        time.sleep(POLL_S)
    for group in groups:
        if group.alive:
            group.signal(signal.SIGKILL)
            if group.after_kill:
                subprocess.run(group.after_kill, env=group.env, check=False, timeout=10)  # noqa: S603  # up's own table


def main() -> None:
    """Runs the guard. Signals meant for `up` do not end it: its input does."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    end(list(read_groups().values()))


if __name__ == "__main__":
    main()
