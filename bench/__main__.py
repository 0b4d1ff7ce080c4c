"""`python -m bench [NAME …] [--quick] [--json FILE]`: runs the benchmarks and prints their figures.

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

from bench.figures import Result
from bench.flood import flood
from bench.incoming import invite_200, invite_486
from bench.memory import memory
from bench.policy import policy_latency
from bench.press import press_to_invite

Benchmark = Callable[[bool], Coroutine[Any, Any, Result]]
BENCHMARKS: dict[str, Benchmark] = {
    "invite_486": invite_486,
    "invite_200": invite_200,
    "press_to_invite": press_to_invite,
    "flood": flood,
    "memory": memory,
    "policy_latency": policy_latency,
}


def main() -> int:
    """Runs what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="The numbers, each beside a baseline.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(BENCHMARKS)}; default all")
    parser.add_argument("--quick", action="store_true", help="a short run, to see that it works")
    parser.add_argument("--json", type=Path, metavar="FILE", help="writes the figures there, too")
    options = parser.parse_args()
    unknown = set(options.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}; there are: {', '.join(BENCHMARKS)}")
    machine = f"{os.cpu_count()} CPUs, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}"
    print(f"Doorbus benchmarks on {machine}{' (quick)' if options.quick else ''}\n", flush=True)
    results: list[dict[str, Any]] = []
    failed = []
    for name in options.names or BENCHMARKS:
        began = time.monotonic()
        try:
            result = asyncio.run(BENCHMARKS[name](options.quick))
        except Exception as error:  # noqa: BLE001  # the others shall run
            failed.append(name)
            traceback.print_exception(error)
            print(f"{name}: could not be run: {error}\n", flush=True)
            continue
        print(f"{result.as_table()}\n  - took {time.monotonic() - began:.0f} s\n", flush=True)
        results.append(result.as_json())
    if options.json is not None:
        options.json.write_text(json.dumps({"machine": machine, "quick": options.quick, "results": results}, indent=2))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
