"""Resolves references to secrets, in the process that uses them.

No message holds a value, or a path beyond the name that the document already has: messages reach logs and events.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from doorbus.contract.document.secrets import SecretRef

MAX_SECRET_BYTES = 64 * 1024
"""A certificate with its chain has some 10 KiB."""


class SecretError(Exception):
    """A reference could not be resolved; `name` is the variable or file that it names."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"secret {name} {why}")
        self.name = name


def resolve(ref: SecretRef, secrets_dir: Path | None, environ: Mapping[str, str] = os.environ) -> SecretStr:
    """Returns the value of a secret. A file's last line break is not part of it.

    Args:
        ref: from the document.
        secrets_dir: where files are looked for; None when this process has no such directory.
        environ: the variables of this process.

    Raises:
        SecretError: there is no such secret, it cannot be read, or it is empty, too big or no text.
    """
    if ref.env is not None:
        if (value := environ.get(ref.env)) is None:
            raise SecretError(ref.env, "is not set in this process's environment")
        return _usable(ref.env, value)
    path = secret_path(ref, secrets_dir)
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_SECRET_BYTES + 1)
    except OSError as error:
        raise SecretError(path.name, f"cannot be read: {error.strerror}") from None
    if len(raw) > MAX_SECRET_BYTES:
        raise SecretError(path.name, f"is bigger than {MAX_SECRET_BYTES // 1024} KiB")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise SecretError(path.name, "is not UTF-8 text") from None
    return _usable(path.name, text.removesuffix("\n").removesuffix("\r"))


def secret_path(ref: SecretRef, secrets_dir: Path | None) -> Path:
    """Returns the path of a secret that a library wants as a file, like a TLS key.

    Symbolic links are followed: Kubernetes mounts secrets through them, and who writes that directory is trusted.

    Raises:
        SecretError: the reference is not to a file, this process has no secrets directory, or there is no such file.
    """
    if ref.file is None:
        raise SecretError(str(ref.env), "must be a {file: NAME} here, as a file is needed")
    if secrets_dir is None:
        raise SecretError(ref.file, "is a file, and this process has no secrets directory")
    path = secrets_dir / ref.file
    if not path.is_file():
        raise SecretError(ref.file, "is no file in the secrets directory")
    return path


def _usable(name: str, value: str) -> SecretStr:
    if not value:
        raise SecretError(name, "is empty")
    return SecretStr(value)
