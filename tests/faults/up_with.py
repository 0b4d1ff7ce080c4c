"""Runs `doorbus up` with more environment for some services: `python up_with.py policy:NAME=VALUE … -- doorbus up …`.

It takes the place of a command in front of `doorbus up` (`Options.wrap`): so one service alone gets another clock.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import typer

from doorbus_cli.up.command import run_door
from doorbus_cli.up.programs import SERVICES, Service


def main() -> int:
    """Runs the door until SIGTERM; returns the exit code."""
    split = sys.argv.index("--")
    more: dict[str, list[str]] = {}
    for word in sys.argv[1:split]:
        service, setting = word.split(":", 1)
        more.setdefault(service, []).append(setting)
    words = sys.argv[split + 1 :]
    file, run_dir = (Path(words[words.index(flag) + 1]) for flag in ("-f", "--run-dir"))
    try:
        run_door(file, run_dir, as_json=True, services=tuple(_with(each, more.get(each.name, ())) for each in SERVICES))
    except typer.Exit as end:
        return end.exit_code
    return 0


def _with(service: Service, settings: list[str] | tuple[str, ...]) -> Service:
    return replace(service, argv=("/usr/bin/env", *settings, *service.argv)) if settings else service


if __name__ == "__main__":
    raise SystemExit(main())
