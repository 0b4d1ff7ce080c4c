"""Which refusals are for good: nothing but what can never succeed, so that nobody waits an hour for it. Pure.

| server says | then |
|---|---|
| HTTP 2xx | taken |
| HTTP 4xx | for good: the request is wrong, forbidden or has no place there (400, 401, 403, 404, 405, 410, 413, 422) |
| HTTP 408, 421, 423, 425, 429 | tried again: the server's moment was bad, not the request |
| HTTP 3xx that is not followed, 5xx | tried again |
| SMTP 5xx to MAIL, RCPT or DATA | for good, where all recipients are refused so |
| SMTP 4xx there; anything to the greeting, EHLO, STARTTLS or the login | tried again |
| FTP 501, 504, 553 to the file | for good: the name, or what is asked of it, is not allowed there |
| any other FTP reply (530 login, 550 no such folder or no access, 552 full, 4xx) | tried again |
| no connection, no answer, a certificate that is not trusted, a secret that is not there | tried again |

Logins, certificates, secrets and folders are configuration: somebody may mend them within the hour. An HTTP request has
no login of its own here; a 401 or 403 is about its URL.
"""

from __future__ import annotations

from collections.abc import Collection

from doorbus_actions.delivery import End, Result

HTTP_BAD_MOMENT = frozenset({408, 421, 423, 425, 429})
FTP_FOR_GOOD = frozenset({501, 504, 553})


def http_end(host: str, status: int) -> End:
    """Returns how a try ended that got this status (RFC 9110, section 15)."""
    if 200 <= status < 300:
        return End(Result.TAKEN)
    for_good = 400 <= status < 500 and status not in HTTP_BAD_MOMENT
    return End(_refused(for_good=for_good), f"{host} answers {status}")


def smtp_end(host: str, what: str, codes: Collection[int]) -> End:
    """Returns how a try ended whose mail was refused with these codes (RFC 5321, section 4.2.1).

    Args:
        host: the server.
        what: it refuses: the sender, the recipients or the mail.
        codes: one, or those of all recipients.
    """
    shown = ", ".join(str(code) for code in sorted(set(codes)))
    return End(_refused(for_good=all(code >= 500 for code in codes)), f"{host} refuses {what}: {shown}")


def ftp_end(host: str, what: str, code: int) -> End:
    """Returns how a try ended in which a command about the file got this reply (RFC 959, section 4.2)."""
    return End(_refused(for_good=code in FTP_FOR_GOOD), f"{host} refuses {what}: {code}")


def _refused(*, for_good: bool) -> Result:
    return Result.REFUSED_FOR_GOOD if for_good else Result.REFUSED
