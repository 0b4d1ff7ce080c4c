"""Brings a Linux kernel with gpio-sim into `.hardware/kernel`: Debian's, unpacked, and one module built for it.

Debian leaves gpio-sim out, so it is built from the kernel package's own source, with the interrupt simulator that it
stands on, as one module. Which kernel exactly is what the meta package depends on today; once it is here, it is used
as it is, without the network. `make clean-hardware` forgets it.
"""

from __future__ import annotations

import fcntl
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SERIES = "6.12"
"""A long-term series, in Debian's stable release."""

DOWNLOAD_S = 300
BUILD_S = 120

MODULE_SOURCES = {"drivers/gpio/gpio-sim.c": "gpio-sim-core.c", "kernel/irq/irq_sim.c": "irq_sim.c"}
"""Files of the kernel's source, and what they are called in the module's folder."""

KBUILD = "obj-m := gpio-sim.o\ngpio-sim-y := gpio-sim-core.o irq_sim.o\n"


@dataclass(frozen=True)
class Kernel:
    """A kernel that can be booted.

    Attributes:
        image: to boot; its modules lie beside it where virtme-ng looks for them.
        module: `gpio-sim.ko`.
    """

    image: Path
    module: Path


class KernelError(Exception):
    """The kernel could not be brought; the text says what to do."""


def bring(cache: Path) -> Kernel:
    """Returns the kernel in `cache`, built there when it is not yet (one process at a time).

    Raises:
        KernelError: a download or the build failed.
    """
    with _alone(cache):
        finished = cache / "kernel"
        if not finished.exists():
            fresh = cache / "kernel.new"
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir()
            _build(fresh)
            shutil.rmtree(fresh / "packages")
            fresh.rename(finished)
        return _found(finished)


@contextmanager
def _alone(cache: Path) -> Iterator[None]:
    cache.mkdir(exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _found(folder: Path) -> Kernel:
    (image,) = (folder / "boot").glob("vmlinuz-*")
    return Kernel(image, folder / "module/gpio-sim.ko")


def _build(folder: Path) -> None:
    release = kernel_release()
    abi = release.rpartition("-")[0]
    names = (f"image-{release}", f"headers-{release}", f"headers-{abi}-common", f"kbuild-{abi}")
    packages = folder / "packages"
    packages.mkdir()
    _download([f"linux-{name}" for name in names] + [f"linux-source-{SERIES}"], packages)
    for name in names:
        (archive,) = packages.glob(f"linux-{name}_*.deb")
        _run(["dpkg", "-x", archive, folder], BUILD_S)
    _run(["depmod", "-b", folder, release], BUILD_S)
    _build_module(folder, folder / f"usr/src/linux-headers-{release}")


def kernel_release() -> str:
    """Returns the release that the meta package depends on, `6.12.1+deb12-amd64` for instance."""
    meta = f"linux-image-{SERIES}-amd64"
    shown = _run(["apt-cache", "show", "--no-all-versions", meta], 60)
    found = re.search(r"^Depends: linux-image-(\S+)", shown, re.MULTILINE)
    if found is None:
        raise KernelError(f"{meta} is not known to apt: it is in Debian 12 (as root: apt-get update)")
    return found[1]


def _download(names: list[str], into: Path) -> None:
    words = ["apt-get", "download", "-qq", *names]
    try:
        _run(words, DOWNLOAD_S, cwd=into)
    except KernelError:  # apt's lists are older than what the servers still have
        _run(["apt-get", "update", "-qq"], DOWNLOAD_S)
        _run(words, DOWNLOAD_S, cwd=into)


def _build_module(folder: Path, headers: Path) -> None:
    module = folder / "module"
    module.mkdir()
    _unpack_source(folder / "packages", module)
    (module / "Kbuild").write_text(KBUILD)
    for original, name in MODULE_SOURCES.items():
        (found,) = module.glob(f"*/{original}")
        found.rename(module / name)
    simulator = module / "irq_sim.c"
    # A module may not look into a descriptor; this call does the same from outside.
    text, count = re.subn(
        r"handle_simple_irq\(irq_to_desc\((\w+)\)\)", r"generic_handle_irq(\1)", simulator.read_text()
    )
    if count != 1:
        raise KernelError("irq_sim.c is not as it was: see MODULE_SOURCES in tools/hardware/kernel.py")
    simulator.write_text(text)
    makefile = headers / "Makefile"  # names its other half by the path where dpkg would have put it
    makefile.write_text(makefile.read_text().replace(" /usr/src/", f" {headers.parent}/"))
    _run(["make", "-s", "-C", headers, f"M={module}", "CONFIG_DEBUG_INFO_BTF_MODULES=", "modules"], BUILD_S)


def _unpack_source(packages: Path, into: Path) -> None:
    """Unpacks the two files that are needed out of an archive of 80,000, without keeping it."""
    (archive,) = packages.glob("linux-source-*.deb")
    steps = (
        ["dpkg", "--fsys-tarfile", str(archive)],
        ["tar", "-xO", f"./usr/src/linux-source-{SERIES}.tar.xz"],
        ["tar", "-xJ", "-C", str(into), "--wildcards", *(f"*/{name}" for name in MODULE_SOURCES)],
    )
    _run(["bash", "-o", "pipefail", "-c", " | ".join(" ".join(map(_quoted, step)) for step in steps)], BUILD_S)


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"


def _run(words: Sequence[object], limit_s: float, cwd: Path | None = None) -> str:
    """Runs a program and returns its output; raises KernelError with the end of it when it fails."""
    try:
        done = subprocess.run(
            ["nice", *map(str, words)], cwd=cwd, capture_output=True, text=True, timeout=limit_s, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise KernelError(f"{words[0]}: not done within {limit_s:g} s") from error
    if done.returncode != 0:
        raise KernelError(f"{' '.join(map(str, words))}: {(done.stderr or done.stdout)[-2000:]}")
    return done.stdout
