"""Uploads a message by FTP (RFC 959), or FTPS with a protected data channel (RFC 4217).

The file goes up under a name of its own that has the message's id in it, and is then renamed: nobody sees half a file,
and a repeat replaces the same one. `ftps://` asks for TLS on the control connection (`AUTH TLS`) before the login; on
port 990 TLS begins at once. The data connection resumes the control connection's TLS session, as vsftpd, ProFTPD and
FileZilla want it: that is why this is the standard library's client, in a thread (docs/decisions/0009).
"""

from __future__ import annotations

import contextlib
import ftplib
import posixpath
import socket
from dataclasses import dataclass, field
from ssl import SSLSocket
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from doorbus.contract.document.actions import FtpAction
from doorbus_actions.delivery import End, Result
from doorbus_actions.note import Note, in_path, in_text
from doorbus_actions.threads import Sockets, in_thread
from doorbus_actions.tools import Tools, unreached
from doorbus_actions.verdicts import ftp_end

IMPLICIT_PORT = 990


@dataclass(frozen=True)
class Upload:
    """A file to put somewhere.

    Attributes:
        path: where it is to lie.
        part: the name it has while it grows, in the same folder.
    """

    host: str
    port: int
    tls: bool
    username: str
    password: str = field(repr=False)
    path: str
    part: str
    content: bytes


def upload_of(action: FtpAction, note: Note, zone: ZoneInfo, password: str) -> Upload:
    """Returns what a message uploads. Pure: two tries of a message are the same to the letter."""
    url = urlsplit(action.url)
    values = note.values(zone)
    path = in_path(action.url, values)
    tls = url.scheme == "ftps"
    return Upload(
        host=url.hostname or "",
        port=url.port or ftplib.FTP_PORT,
        tls=tls,
        username=action.username or "anonymous",
        password=password if action.username else "doorbus@",
        path=path,
        part=posixpath.join(posixpath.dirname(path), f".{note.id}.part"),
        content=in_text(action.content, values).encode(),
    )


async def send(action: FtpAction, note: Note, zone: ZoneInfo, tools: Tools) -> End:
    """Tries once. Raises SecretError when the password is not there."""
    upload = upload_of(action, note, zone, tools.password(action.password))
    return await in_thread(lambda sockets: _put(_Session(upload, tools, sockets), upload))


def _put(session: _Session, upload: Upload) -> End:
    step = "us"
    try:
        session.open()
        step = "the login"
        session.login(upload.username, upload.password, secure=False)  # TLS has begun where it is wanted
        if upload.tls:
            step = "a protected data channel"
            session.prot_p()
        step = "the file"
        session.voidcmd("TYPE I")
        session.store(upload.part, upload.content)
        session.replace(upload.part, upload.path)
        with contextlib.suppress(*ftplib.all_errors):
            session.quit()
    except ftplib.Error as error:
        code = int(str(error)[:3]) if str(error)[:3].isdigit() else 0
        return ftp_end(upload.host, step, code) if step == "the file" else _refused(upload.host, step, code)
    except (OSError, EOFError, ValueError) as error:
        return unreached(upload.host, error)
    finally:
        session.close()
    return End(Result.TAKEN)


def _refused(host: str, step: str, code: int) -> End:
    return End(Result.REFUSED, f"{host} refuses {step}: {code}")


class _Session(ftplib.FTP_TLS):
    """A connection to a server; the loop may cut its sockets."""

    def __init__(self, upload: Upload, tools: Tools, sockets: Sockets) -> None:
        self._tools = tools
        self._upload = upload
        self._sockets = sockets
        super().__init__(context=tools.tls if upload.tls else None, timeout=tools.connect_s, encoding="utf-8")

    def open(self) -> None:
        """Connects, and begins TLS where it is wanted."""
        self.host, self.port = self._upload.host, self._upload.port
        implicit = self._upload.tls and self.port == IMPLICIT_PORT
        self.sock = self._sockets.watch(socket.create_connection((self.host, self.port), self._tools.connect_s))
        self.af = self.sock.family
        if implicit:
            self.sock = self._wrapped(self.sock)
        self.sock.settimeout(self._tools.try_s)
        self.file = self.sock.makefile("r", encoding=self.encoding)
        self.welcome = self.getresp()
        if self._upload.tls and not implicit:
            self.auth()
            self._sockets.watch(self.sock)

    def store(self, path: str, content: bytes) -> None:
        """Sends a file; the server's word that it has it all is what counts (RFC 959, section 5.4)."""
        with self.transfercmd(f"STOR {path}") as data:
            data.sendall(content)
            if isinstance(data, SSLSocket):
                with contextlib.suppress(OSError):  # some servers close without TLS's own goodbye
                    data.unwrap()
        self.voidresp()

    def replace(self, part: str, path: str) -> None:
        """Renames, over a file that is there: some servers want that one away first."""
        try:
            self.rename(part, path)
        except ftplib.error_perm:
            with contextlib.suppress(ftplib.error_perm):
                self.delete(path)
            self.rename(part, path)

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[Any, int | None]:
        """Opens the data connection; it resumes the TLS session of the control connection."""
        data, size = super(ftplib.FTP_TLS, self).ntransfercmd(cmd, rest)  # the plain one
        self._sockets.watch(data)
        return (self._wrapped(data, self.sock.session) if self._prot_p else data), size  # type: ignore[attr-defined, union-attr]

    def _wrapped(self, plain: socket.socket, session: Any = None) -> SSLSocket:
        wrapped = self.context.wrap_socket(plain, server_hostname=self.host, session=session)
        return self._sockets.watch(wrapped)
