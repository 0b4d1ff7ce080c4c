"""Uploads to vsftpd, which nobody here wrote and which wants the TLS session of the control connection again."""

from __future__ import annotations

import ftplib
import io
import ssl
from pathlib import Path

import pytest
from tests.actions.notes import BERLIN, TIME, note

from doorbus.contract.document.actions import FtpAction
from doorbus_actions.delivery import End, Result
from doorbus_actions.senders import try_once
from doorbus_actions.tools import Tools
from doorbus_testkit.certificates import Authority
from doorbus_testkit.vsftpd import Vsftpd


async def test_an_upload_resumes_the_tls_session(tmp_path: Path) -> None:
    """A message arrives, twice over, as one file; a client that does not resume the session is refused there."""
    authority = Authority(tmp_path)
    tools = Tools(connect_s=5.0, try_s=20.0, secrets_dir=tmp_path, ca=authority.cert)
    async with Vsftpd(authority.issue("127.0.0.1")) as server:
        url = f"ftps://127.0.0.1:{server.port}/in/$id.txt"
        action = FtpAction(id="it", type="ftp", url=url, content="$time $id")
        for _ in range(2):
            assert End(Result.TAKEN) == await try_once(action, note(), BERLIN, tools)
        assert server.files() == {"m1.txt": f"{TIME} m1"}
        plain = ftplib.FTP_TLS(context=ssl.create_default_context(cafile=str(authority.cert)), timeout=10)
        plain.connect("127.0.0.1", server.port)
        plain.login()
        plain.prot_p()
        with pytest.raises((ftplib.Error, OSError, EOFError)):
            plain.storbinary("STOR in/other.txt", io.BytesIO(b"x"))
        plain.close()
