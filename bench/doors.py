"""The documents of the benchmarks' doors, and what of a running door several benchmarks ask."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import psutil

from doorbus_testkit.stack import Stack

_DOCUMENT = """
door: front
audio: {{backend: none}}
calls:
  dnd: {{enabled: {dnd}}}
  auto_answer: {{ip: {{enabled: {answers}, delay_s: 0}}}}
io:
  inputs: [{{id: button1, kind: push_button, chip: sim, line: 0, active: low, bias: pull_up}}]
  relays: [{{id: gate, chip: sim, line: 8, active: high, hold_s: 1}}]
buttons:
  - input: button1
    call: {{type: group, account: null, numbers: {phones}, timeout_s: 20, when_refused: call_next}}
"""
NOBODY = "sip:nobody@127.0.0.1:9"


def document(*, dnd: bool = False, answers: bool = False, phones: Sequence[str] = (NOBODY,)) -> str:
    """Returns a door's document.

    Args:
        dnd: do not disturb is on.
        answers: calls are answered by themselves, at once.
        phones: what the button calls, all at once.
    """
    words = {True: "true", False: "false"}
    return _DOCUMENT.format(dnd=words[dnd], answers=words[answers], phones=json.dumps(list(phones)))


@dataclass(frozen=True)
class Memory:
    """What a process holds, in MB (10^6 bytes): resident, and its proportional share of what is shared."""

    rss: float
    pss: float


def memory(processes: Iterable[psutil.Process]) -> Memory:
    """Returns the sum over processes; those that are gone count nothing."""
    rss = pss = 0.0
    for process in processes:
        try:
            info = process.memory_full_info()
        except psutil.NoSuchProcess:
            continue
        rss += info.rss / 1e6
        pss += info.pss / 1e6
    return Memory(rss, pss)


def front(stack: Stack) -> psutil.Process:
    """Returns sip's worker that listens on the door's port."""
    for worker in stack.workers():
        if any(socket.laddr.port == stack.sip_port for socket in worker.net_connections("udp") if socket.laddr):
            return worker
    raise RuntimeError("no worker listens on the door's SIP port")
