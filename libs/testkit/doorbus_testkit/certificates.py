"""TLS certificates of a test's own authority, made by the `openssl` program when they are needed."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from doorbus_testkit.peers import require_program

DAYS = "2"
"""Long enough for a test, too short for anything else."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """Files in PEM: a certificate and its private key."""

    cert: Path
    key: Path


class Authority:
    """A certificate authority; its own certificate is what clients trust.

    Args:
        folder: where the files go.
        name: its common name, and the stem of its files; two authorities in one folder need two names.

    Attributes:
        cert: the authority's certificate, PEM.
    """

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self.cert = folder / f"{name}.crt"
        self._folder = folder
        self._key = folder / f"{name}.key"
        _make(self.cert, self._key, name, "-addext", "basicConstraints=critical,CA:TRUE")

    def issue(self, *hosts: str, name: str = "server") -> Certificate:
        """Returns a certificate for DNS names and IPv4 addresses.

        Args:
            hosts: what the certificate is for; the first is its common name.
            name: stem of its files.
        """
        made = Certificate(self._folder / f"{name}.crt", self._folder / f"{name}.key")
        names = ",".join(f"{'IP' if host.replace('.', '').isdigit() else 'DNS'}:{host}" for host in hosts)
        _make(
            made.cert, made.key, hosts[0], "-CA", self.cert, "-CAkey", self._key, "-addext", f"subjectAltName={names}"
        )
        return made


def _make(cert: Path, key: Path, name: str, *more: str | Path) -> None:
    openssl = require_program("openssl")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    subprocess.run(
        [openssl, "req", "-x509", *curve, "-days", DAYS, "-subj", f"/CN={name}", "-out", cert, "-keyout", key, *more],
        check=True,
        capture_output=True,
    )
