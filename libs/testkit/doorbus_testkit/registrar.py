"""A registrar on a scripted phone's socket, for digests that other servers do not speak (RFC 7616, RFC 8760).

async with WirePhone(user="server") as phone:
    registrar = Registrar(phone, {"door": "secret"}, algorithm="SHA-256")
"""

import hashlib
import re
import secrets
from collections.abc import Mapping

from doorbus_testkit.sip_message import SipMessage, new_tag, parameter, response_to, uri_of
from doorbus_testkit.wire import WirePhone

HASHES = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}


class Registrar:
    """Answers REGISTER: challenges, checks the digest, keeps the binding.

    Args:
        phone: the socket; requests of other methods stay the phone's.
        users: passwords by user name.
        algorithm: of the digest: `MD5`, `SHA-256` or `SHA-512-256`.
        expires_s: the longest binding that is granted.

    Attributes:
        bindings: Contact URIs by user, those that have been taken back left out.
        refused: how many digests were wrong.
    """

    def __init__(
        self, phone: WirePhone, users: Mapping[str, str], *, algorithm: str = "MD5", expires_s: int = 3600
    ) -> None:
        self.bindings: dict[str, str] = {}
        self.refused = 0
        self._users = dict(users)
        self._algorithm = algorithm
        self._expires_s = expires_s
        self._realm = "doorbus.test"
        self._nonce = secrets.token_hex(12)
        phone.handlers["REGISTER"] = self._register

    def _register(self, request: SipMessage) -> SipMessage:
        credentials = request.header("Authorization")
        user = self._user_of(request, credentials) if credentials else None
        if user is None:
            self.refused += credentials is not None
            challenge = f'Digest realm="{self._realm}", nonce="{self._nonce}", algorithm={self._algorithm}, qop="auth"'
            return response_to(request, 401, to_tag=new_tag(), headers={"WWW-Authenticate": challenge})
        contact = request.header("Contact") or ""
        wanted = parameter(contact, "expires") or request.header("Expires") or str(self._expires_s)
        expires_s = min(int(wanted), self._expires_s)
        if expires_s == 0:
            self.bindings.pop(user, None)
            return response_to(request, 200, to_tag=new_tag())
        self.bindings[user] = uri_of(contact)
        headers = {"Contact": f"<{uri_of(contact)}>;expires={expires_s}"}
        return response_to(request, 200, to_tag=new_tag(), headers=headers)

    def _user_of(self, request: SipMessage, credentials: str) -> str | None:
        """Returns the user that the digest proves, None for a wrong one (RFC 7616, 3.4.1)."""
        fields = {name: quoted or plain for name, quoted, plain in _FIELD.findall(credentials)}
        user = fields.get("username", "")
        if user not in self._users or fields.get("algorithm", "MD5") != self._algorithm:
            return None
        secret = self._hash(f"{user}:{self._realm}:{self._users[user]}")
        what = self._hash(f"{request.method}:{fields.get('uri')}")
        middle = f"{self._nonce}:{fields.get('nc')}:{fields.get('cnonce')}:auth"
        return user if self._hash(f"{secret}:{middle}:{what}") == fields.get("response") else None

    def _hash(self, text: str) -> str:
        return hashlib.new(HASHES[self._algorithm], text.encode()).hexdigest()


_FIELD = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,"]+))')
