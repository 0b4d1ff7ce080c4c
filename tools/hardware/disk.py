"""Packs what runs inside the machine into one archive, which it gets as a disk and unpacks into its memory.

The machine sees the whole file system of its host, but slowly and without a cache: an import of the io service took a
minute over it. Everything has the path that it has outside, as virtual environments name paths.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PARTS = (".venv", "libs", "cli", "services", "tests", "bench", "tools", "pyproject.toml")

LEFT_OUT = (
    *("mypy*", "*mypyc*", "ruff*", "numpy*", "pjsua2*", "_pjsua2*", "hypothesis*", "grimp*", "babel*"),
    *("schemathesis*", "playwright*", "jsonschema_rs*", "graphql*", "*miniaudio*", "samplerate*", "fastapi*"),
    *("test", "lib2to3", "idlelib", "ensurepip", "config-3*", "turtledemo", "*.opt-?.pyc", "*.a"),
)
"""Names that nothing in there needs, and that would cost seconds: tests of Python itself, linters, sound, browsers.
A plugin of pytest goes with what it needs."""


@dataclass(frozen=True)
class Disk:
    """The archive, and where its parts belong.

    Attributes:
        path: of the archive.
        trees: folders that are hidden by memory before it is unpacked.
        files: single files that are put over the host's.
    """

    path: Path
    trees: tuple[Path, ...]
    files: tuple[Path, ...]


def pack(folder: Path) -> Disk:
    """Writes the archive into a folder, and the bytecode that the machine could not keep beside the sources."""
    stdlib = Path(sysconfig.get_path("stdlib"))
    subprocess.run(
        [sys.executable, "-m", "compileall", "-q", *(ROOT / part for part in PARTS if not part.endswith(".toml"))],
        stdout=subprocess.DEVNULL,
        check=False,  # a package may carry templates that are no Python
    )
    files = (Path(sys.executable).resolve(), *_python_library())
    path = folder / "disk.tar"
    site_packages = stdlib / "site-packages"
    subprocess.run(
        [
            *("tar", "-cPf", path, "--sort=name", f"--exclude={site_packages}"),
            *(f"--exclude={name}" for name in LEFT_OUT),
            *(ROOT / part for part in PARTS),
            *(stdlib, *files),
        ],
        check=True,
        timeout=120,
    )
    return Disk(path, (ROOT, stdlib), files)


def _python_library() -> tuple[Path, ...]:
    """Returns the shared library of this Python, where it has one."""
    name, folder = sysconfig.get_config_var("INSTSONAME"), sysconfig.get_config_var("LIBDIR")
    found = Path(folder) / name if name and folder else None
    return (found,) if found is not None and found.exists() and ".so" in found.name else ()
