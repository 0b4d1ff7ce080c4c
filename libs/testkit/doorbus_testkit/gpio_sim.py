"""A GPIO chip of the kernel's `gpio-sim`: made and pulled out through configfs, handled from outside through sysfs.

Needs root, the module, configfs and tracefs (`make test-hardware` brings a machine with them). The kernel's own trace
of GPIO values is the oscilloscope: each level that a program drove, with its monotonic time.
"""

from __future__ import annotations

import contextlib
import re
import time
from pathlib import Path

from doorbus_testkit.chip import Change

CONFIGFS = Path("/sys/kernel/config/gpio-sim")
DEVICES = Path("/sys/devices/platform")
TRACING = Path("/sys/kernel/tracing")
NUMBERS = Path("/sys/class/gpio")

PULLS = {0: "pull-down", 1: "pull-up"}
DRIVEN = re.compile(r"\s(\d+\.\d+): gpio_value: (\d+) set (\d)")


def available() -> bool:
    """Tells whether this kernel has gpio-sim."""
    return CONFIGFS.is_dir()


class GpioSim:
    """One chip, there from its creation: `GpioSim("front")`.

    Args:
        name: of the chip; its device is `path`, `/dev/doorbus-NAME`, whatever number the kernel gives it.
        lines: how many it has.

    Attributes:
        there: it is not pulled out.
    """

    def __init__(self, name: str, lines: int = 16) -> None:
        self.lines = lines
        self.there = False
        self._folder = CONFIGFS / name
        self.path = f"/dev/doorbus-{name}"
        bank = self._folder / "bank0"
        bank.mkdir(parents=True)
        (bank / "num_lines").write_text(str(lines))
        (bank / "label").write_text(name)
        self._first_numbers: set[int] = set()
        start_trace()
        self.put_back()

    def pull(self, line: int, level: int) -> float:
        """Pulls a line to a level from outside, as a button does; returns the monotonic second before it."""
        before = time.monotonic()
        (self._line(line) / "pull").write_text(PULLS[level])
        return before

    def level(self, line: int) -> int:
        """Returns the physical level of a line."""
        return int((self._line(line) / "value").read_text())

    def driven(self, line: int) -> list[Change]:
        """Returns each level that programs drove an output to since the trace began, repeats included."""
        numbers = {str(first + line) for first in self._first_numbers}
        found = DRIVEN.finditer((TRACING / "trace").read_text())
        return [Change(line, int(each[3]), float(each[1])) for each in found if each[2] in numbers]

    def pull_out(self) -> None:
        """Makes the chip disappear, as a USB board does that is pulled out."""
        Path(self.path).unlink(missing_ok=True)
        self.there = False
        (self._folder / "live").write_text("0")

    def put_back(self) -> None:
        """Makes it come back; the kernel may give it another number."""
        (self._folder / "live").write_text("1")
        name = self._value("bank0/chip_name")
        self._sysfs = DEVICES / self._value("dev_name") / name
        self._first_numbers.add(self._first_number())
        Path(self.path).symlink_to(name)
        self.there = True

    def close(self) -> None:
        """Removes it."""
        with contextlib.suppress(OSError):
            self.pull_out()
        (self._folder / "bank0").rmdir()
        self._folder.rmdir()

    def _first_number(self) -> int:
        label = self._value("bank0/label")
        (found,) = [each for each in NUMBERS.glob("gpiochip*") if (each / "label").read_text().strip() == label]
        return int((found / "base").read_text())

    def _value(self, name: str) -> str:
        return (self._folder / name).read_text().strip()

    def _line(self, line: int) -> Path:
        return self._sysfs / f"sim_gpio{line}"


def start_trace() -> None:
    """Has the kernel note each level that is driven, from now on, in monotonic time; what it noted before is gone."""
    (TRACING / "trace_clock").write_text("mono")
    event = TRACING / "events/gpio/gpio_value"
    (event / "filter").write_text("get == 0")
    (event / "enable").write_text("1")
    (TRACING / "trace").write_text("")
