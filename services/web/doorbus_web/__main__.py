"""Runs the web service: `python -m doorbus_web`, or `python -m doorbus_web reset-admin [NAME]` beside it."""

from __future__ import annotations

import sys

from doorbus.runtime.service import run
from doorbus_web.app import main
from doorbus_web.reset import reset_admin
from doorbus_web.settings import WebSettings

USAGE = "usage: python -m doorbus_web [reset-admin [NAME]]"


def command(words: list[str]) -> None:
    """Runs what the command line says. Raises SystemExit with a usage line for anything else."""
    match words:
        case []:
            run(main(WebSettings()))
        case ["reset-admin"]:
            reset_admin(WebSettings())
        case ["reset-admin", name]:
            reset_admin(WebSettings(), name)
        case _:
            raise SystemExit(USAGE)


if __name__ == "__main__":
    command(sys.argv[1:])
