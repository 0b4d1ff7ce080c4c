"""Debian's vsftpd as an FTPS server that nobody here wrote.

As it is installed, it takes no data connection without the TLS session of the control connection. It changes its user
for each login, and so needs root.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Sequence
from pathlib import Path

from doorbus_testkit.certificates import Certificate
from doorbus_testkit.peers import require_root
from doorbus_testkit.polling import eventually
from doorbus_testkit.program import Program

CONFIG = """\
listen=YES
listen_address=127.0.0.1
listen_port={port}
background=NO
run_as_launching_user=NO
anonymous_enable=YES
local_enable=NO
anon_root={root}
write_enable=YES
anon_upload_enable=YES
anon_other_write_enable=YES
ssl_enable=YES
allow_anon_ssl=YES
force_anon_logins_ssl=YES
force_anon_data_ssl=YES
require_ssl_reuse=YES
rsa_cert_file={cert}
rsa_private_key_file={key}
secure_chroot_dir={empty}
seccomp_sandbox=NO
"""


class Vsftpd(Program):
    """A server for anonymous uploads below `in/`, by FTPS only.

    Args:
        certificate: of the server.
    """

    def __init__(self, certificate: Certificate) -> None:
        require_root("vsftpd changes its user for each login")
        super().__init__("vsftpd", "vsftpd")
        self._certificate = certificate
        self.port = self._reserve_ports()

    def files(self) -> dict[str, str]:
        """Returns what was uploaded, by name."""
        return {path.name: path.read_text() for path in sorted((self.folder / "root/in").iterdir())}

    def _arguments(self) -> Sequence[str | Path]:
        self.folder.chmod(0o755)
        root, empty = self.folder / "root", self.folder / "empty"
        for folder in (root, empty, root / "in"):
            folder.mkdir(mode=0o755)
        os.chmod(root / "in", 0o777)  # noqa: PTH101  # whoever vsftpd becomes writes here, and not above
        config = self.folder / "vsftpd.conf"
        certificate = {"cert": self._certificate.cert, "key": self._certificate.key}
        config.write_text(CONFIG.format(port=self.port, root=root, empty=empty, **certificate))
        return [config]

    async def _ready(self) -> None:
        def listens() -> bool:
            self.require_running()
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
            return False

        await eventually(listens, 10.0, what="vsftpd listens")
