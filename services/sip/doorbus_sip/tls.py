"""Certificates and authorities, resolved and checked here: the library would refuse a bad one in every worker's start.

No error's text holds anything of a key.
"""

import os
import ssl
from collections.abc import Callable
from pathlib import Path

from pydantic import SecretStr

from doorbus.contract.document import SecretRef
from doorbus.contract.document import sip as document

MAX_BYTES = 32 * 1024
"""Of chain and key together, and of authorities: they go to the workers in one message."""
BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian and its kin, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora and its kin
    "/etc/ssl/ca-bundle.pem",  # openSUSE
)


class TlsError(Exception):
    """A certificate, key or bundle that cannot be used; the text says which and why."""


def authorities(trust: document.TlsTrust, resolve: Callable[[SecretRef], SecretStr]) -> tuple[str, str | None]:
    """Returns the authorities to believe as PEM, or "" and the path of the system's bundle.

    Raises:
        TlsError: there is no such bundle, or it holds no certificate.
        Exception: the resolver's own.
    """
    if not trust.verify:
        return "", None
    if trust.ca == "system":
        known = (ssl.get_default_verify_paths().cafile, *BUNDLES)
        found = next((path for path in known if path and Path(path).is_file()), None)
        if found is None:
            raise TlsError("sip.tls.ca: this system has no bundle of authorities")
        return "", found
    pem = resolve(trust.ca).get_secret_value()
    if len(pem) > MAX_BYTES:
        raise TlsError(f"sip.tls.ca: is bigger than {MAX_BYTES // 1024} KiB")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem)
    except (ssl.SSLError, ValueError):
        raise TlsError("sip.tls.ca: holds no certificate in PEM") from None
    return pem, None


def certificate(listen: document.ListenTls, resolve: Callable[[SecretRef], SecretStr]) -> tuple[SecretStr, SecretStr]:
    """Returns the listener's certificate chain and its key, both PEM.

    Raises:
        TlsError: they are no certificate and key, or do not belong together.
        Exception: the resolver's own.
    """
    cert, key = resolve(listen.cert), resolve(listen.key)
    if len(cert.get_secret_value()) + len(key.get_secret_value()) > MAX_BYTES:
        raise TlsError(f"sip.listen.tls: certificate and key are bigger than {MAX_BYTES // 1024} KiB")
    _load(cert, key)
    return cert, key


def _load(cert: SecretStr, key: SecretStr) -> None:
    """Lets OpenSSL read both, from memory: it takes files only, and a key has no place on a disk."""
    descriptor = os.memfd_create("certificate", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, f"{key.get_secret_value()}\n{cert.get_secret_value()}\n".encode())
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(f"/proc/self/fd/{descriptor}", password=_no_password)
    except (ssl.SSLError, ValueError):
        raise TlsError("sip.listen.tls: certificate and key cannot be used, or do not belong together") from None
    finally:
        os.close(descriptor)


def _no_password() -> str:
    raise ValueError("the key is encrypted")
