"""A mail server: aiosmtpd, with STARTTLS (or TLS from the start) and a login where it has a certificate and a user."""

from __future__ import annotations

import asyncio
import email
import email.policy

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from doorbus_testkit.receivers.journal import Journal

NEVER_S = 3600.0


class _Handler:
    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def handle_RCPT(  # noqa: N802  # the name is aiosmtpd's
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        code = self._journal.code("recipients")
        if code is not None:
            return f"{code} not here"
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's
        how, code = self._journal.how, self._journal.code()
        await asyncio.sleep(self._journal.slow_s)
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self._journal.write(
            taken=code is None and how not in ("close", "never"),
            message_id=str(message["Message-ID"]).strip("<>").partition("@")[0],
            headers={name: str(value) for name, value in message.items()},
            body=message.get_content(),
            sender=envelope.mail_from,
            to=envelope.rcpt_tos,
            tls=session.ssl is not None,
            login=session.authenticated,
        )
        if how == "never":
            await asyncio.sleep(NEVER_S)
        if how == "close":
            server.transport.abort()
        return f"{code} not now" if code is not None else "250 taken"


def serve(port: int, journal: Journal) -> None:
    """Serves until the process is killed."""
    asyncio.run(_serve(port, journal))


async def _serve(port: int, journal: Journal) -> None:
    options, context = journal.options, journal.tls()
    implicit = bool(options["implicit"])
    wants_login = options["username"] is not None

    def log_in(_server: SMTP, _session: Session, _envelope: Envelope, mechanism: str, data: object) -> AuthResult:
        given = (data.login.decode(), data.password.decode()) if isinstance(data, LoginPassword) else None
        right = given == (options["username"], options["password"]) and journal.code("login") is None
        return AuthResult(success=right, handled=False)

    def make() -> SMTP:
        return SMTP(
            _Handler(journal),
            hostname="mail.test",
            tls_context=None if implicit else context,
            require_starttls=context is not None and not implicit,
            authenticator=log_in if wants_login else None,
            auth_required=wants_login,
            auth_require_tls=context is not None and not implicit,
        )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(make, "127.0.0.1", port, ssl=context if implicit else None)
    async with server:
        await server.serve_forever()
