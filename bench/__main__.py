"""`python -m bench [NAME …] [--quick | --smoke] [--json FILE]`: runs the benchmarks and prints their figures.

Exit code 0 when they ran, whatever they showed; 1 when one could not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import time
import traceback
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from bench.barge import page_barge
from bench.call_sound import call_sound
from bench.edge import edge_to_event, edge_to_event_kernel
from bench.figures import Result, UnavailableError
from bench.flood import flood
from bench.group import group_of_16
from bench.incoming import invite_200, invite_486
from bench.many_doors import policy_doors
from bench.memory import memory
from bench.page import page_idle, page_to_sound
from bench.policy import policy_latency
from bench.press import press_to_invite
from bench.scale import Scale
from bench.viewers import viewers

Benchmark = Callable[[Scale], Coroutine[Any, Any, Result]]
BENCHMARKS: dict[str, Benchmark] = {
    "invite_486": invite_486,
    "invite_200": invite_200,
    "edge_to_event": edge_to_event,
    "edge_to_event_kernel": edge_to_event_kernel,
    "press_to_invite": press_to_invite,
    "group_of_16": group_of_16,
    "flood": flood,
    "call_sound": call_sound,
    "page_barge": page_barge,
    "memory": memory,
    "page_to_sound": page_to_sound,
    "page_idle": page_idle,
    "policy_latency": policy_latency,
    "policy_doors": policy_doors,
    "viewers": viewers,
}


def main() -> int:
    """Runs what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="The numbers, each beside a baseline.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(BENCHMARKS)}; default all")
    size = parser.add_mutually_exclusive_group()
    for scale, says in ((Scale.QUICK, "a short run"), (Scale.SMOKE, "a tiny one, to see that each figure is printed")):
        size.add_argument(f"--{scale}", dest="scale", action="store_const", const=scale, default=Scale.FULL, help=says)
    parser.add_argument("--json", type=Path, metavar="FILE", help="writes the figures there, too")
    options = parser.parse_args()
    unknown = set(options.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}; there are: {', '.join(BENCHMARKS)}")
    machine = f"{os.cpu_count()} CPUs, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}"
    print(
        f"Doorbus benchmarks on {machine}{'' if options.scale is Scale.FULL else f' ({options.scale})'}\n", flush=True
    )
    results: list[dict[str, Any]] = []
    failed = []
    for name in options.names or BENCHMARKS:
        began = time.monotonic()
        try:
            result = asyncio.run(BENCHMARKS[name](options.scale))
        except UnavailableError as reason:
            print(f"{name}: not run: {reason}\n", flush=True)
            continue
        except Exception as error:  # noqa: BLE001  # the others shall run
            failed.append(name)
            traceback.print_exception(error)
            print(f"{name}: could not be run: {error}\n", flush=True)
            continue
        print(f"{result.as_table()}\n  - took {time.monotonic() - began:.0f} s\n", flush=True)
        results.append(result.as_json())
    if options.json is not None:
        options.json.write_text(json.dumps({"machine": machine, "scale": options.scale, "results": results}, indent=2))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
