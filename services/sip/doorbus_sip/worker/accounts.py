"""The accounts of a worker, as pjsua2 has them. Only the front registers.

Rules
- Whose a request is, is said here and not by the library, which goes by To and takes any account when none fits: the
  settings of a call (SRTP, PRACK, session timer) are those of the account that `matching` finds.
- The address that accepted a registration belongs to the account for as long as that registration does: a registrar may
  have more addresses than its name tells.
- A registration is renewed every `_REFRESH_S`, however long it was granted for: a server that has lost it knows the
  door again within 30 s of its return. The outside hears only of changes.
- A removed account's object is kept: its destructor would remove whichever account has its place by then.
- Over TCP and TLS the calls to the AOR's own domain say so in their URI: by the domain alone they would go over UDP.
"""

import contextlib
import re
import time
from typing import TYPE_CHECKING

import pjsua2 as pj

from doorbus_sip.invite import parse_invite, user_of
from doorbus_sip.matching import Known, Network, OnAccount, match, networks, owners
from doorbus_sip.protocol import Registration, WorkerAccount
from doorbus_sip.worker.guard import guarded, last_line

if TYPE_CHECKING:
    from doorbus_sip.worker.loop import Worker

_FIRST_RETRY_S, _RETRY_S, _RANDOM_S = 10, 15, 5  # 10 s, then 15 s +- 5; the library's 300 s is an outage
_REFRESH_S = 20
_UNREGISTER_WAIT_MS = 1000
_SESSION_S, _LEAST_SESSION_S = 1800, 90  # what RFC 4028 recommends and the least that it allows
_CRYPTOS = ("AES_256_CM_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32")
_SRTP = {
    "disabled": pj.PJMEDIA_SRTP_DISABLED,
    "optional": pj.PJMEDIA_SRTP_OPTIONAL,
    "mandatory": pj.PJMEDIA_SRTP_MANDATORY,
}
_TIMER = {
    "disabled": pj.PJSUA_SIP_TIMER_INACTIVE,
    "optional": pj.PJSUA_SIP_TIMER_OPTIONAL,
    "required": pj.PJSUA_SIP_TIMER_REQUIRED,
}
_PRACK = {
    "disabled": pj.PJSUA_100REL_NOT_USED,
    "optional": pj.PJSUA_100REL_OPTIONAL,
    "required": pj.PJSUA_100REL_MANDATORY,
}
_URI = re.compile(r"(?P<scheme>sips?):[^@]*@(?P<host>[^;?]+)(?P<parameters>;[^?]*)?")


class Account(pj.Account):  # type: ignore[misc]
    """One account, or the nameless one of direct IP calls (`id` is `None`)."""

    def __init__(self, home: "Worker", wanted: WorkerAccount | None) -> None:
        super().__init__()
        self.home: Worker | None = home
        self.wanted = wanted
        self.uri = ""
        self.learned: tuple[Network, ...] = ()
        self.asked_at = 0.0
        self._told: tuple[int, bool] | None = None

    def target(self, uri: str) -> str:
        """The URI to call: one in the account's own domain goes over its transport."""
        wanted = self.wanted
        if wanted is None or wanted.transport == "udp" or wanted.proxy:
            return uri
        own, asked = _URI.fullmatch(wanted.aor), _URI.fullmatch(uri)
        if own is None or asked is None or asked["scheme"] == "sips" or asked["host"].lower() != own["host"].lower():
            return uri
        return uri if "transport=" in (asked["parameters"] or "") else f"{uri};transport={wanted.transport}"

    @guarded
    def onIncomingCall(self, home: "Worker", prm: pj.OnIncomingCallParam) -> None:  # noqa: N802 - the library\'s name
        """A call has taken a slot; 100 was sent."""
        home.incoming(self, prm)

    @guarded
    def onRegState(self, home: "Worker", prm: pj.OnRegStateParam) -> None:  # noqa: N802 - the library\'s name
        """The registrar answered, or did not."""
        if self.wanted is None:
            return
        accepted = 200 <= prm.code < 300 and prm.expiration > 0
        source = str(prm.rdata.srcAddress).rpartition(":")[0]
        self.learned = networks((source.strip("[]"),)) if accepted and source else ()
        home.accounts.changed()
        self.asked_at = time.monotonic()
        before, self._told = self._told, (int(prm.code), prm.expiration > 0)
        if self._told != before:
            home.report(
                Registration(
                    account=self.wanted.id, code=int(prm.code), reason=str(prm.reason), expires_s=int(prm.expiration)
                )
            )


class Accounts:
    """The wanted accounts and their pjsua2 objects, kept in step."""

    def __init__(self, home: "Worker", front: bool, rtp: tuple[int, int], host: str, public_address: str) -> None:
        self._home = home
        self._front = front
        self._rtp = rtp
        self._host = host
        self._public_address = public_address
        self._accounts: dict[str, Account] = {}
        self._removed: list[Account] = []
        self._direct: Account | None = None
        self._wanted: tuple[WorkerAccount, ...] = ()
        self.known: tuple[Known, ...] = ()

    def apply(self, wanted: tuple[WorkerAccount, ...], display_name: str, direct_uri: str) -> None:
        """Adds, changes and removes until exactly `wanted` is there; removed ones are unregistered."""
        for gone in set(self._accounts) - {account.id for account in wanted}:
            account = self._accounts.pop(gone)
            account.shutdown()
            account.home = None
            self._removed.append(account)
        self._put_direct(display_name, direct_uri)
        for one in wanted:
            self._put(one, display_name)
        self._wanted = wanted
        self.changed()

    def changed(self) -> None:
        """Says anew which addresses belong to whom."""
        self.known = tuple(
            Known(a.id, user_of(a.aor), (*networks(a.networks), *self._accounts[a.id].learned)) for a in self._wanted
        )

    def select(self, prm: pj.OnSelectAccountParam) -> None:
        """Gives a request outside of calls to the account that it belongs to."""
        try:
            source = str(prm.rdata.srcAddress).rpartition(":")[0]
            found = owners(source, self.known)
            account = self._accounts[found[0].id] if found else self._direct
            if len(found) > 1:
                asked = parse_invite(str(prm.rdata.wholeMsg)).to_user
                owner = match(source, asked, found, ())
                account = self._accounts[owner.id] if isinstance(owner, OnAccount) else account
            if account is not None:
                prm.accountIndex = account.getId()
        except Exception as error:  # noqa: BLE001 - the library would swallow it
            self._home.failed("select", last_line(error))

    def get(self, account: str | None) -> Account:
        """The account to dial with.

        Raises:
            LookupError: it is not there.
        """
        found = self._direct if account is None else self._accounts.get(account)
        if found is None:
            raise LookupError(f"no account {account!r}")
        return found

    def refresh(self, now: float) -> None:
        """Renews the registrations that are due, `now` in monotonic seconds; the library tries failed ones again."""
        for account in self._accounts.values():
            if now - account.asked_at >= _REFRESH_S and account.getInfo().regIsActive:
                account.asked_at = now
                with contextlib.suppress(pj.Error):  # the last one waits for its response
                    account.setRegistration(True)

    def close(self) -> None:
        """Begins to unregister all."""
        for account in self._accounts.values():
            if account.getInfo().regIsActive:
                account.setRegistration(False)

    def is_registered(self) -> bool:
        """Whether a registrar still has a binding of ours."""
        return any(account.getInfo().regIsActive for account in self._accounts.values())

    def _put_direct(self, display_name: str, uri: str) -> None:
        config = self._base(identity(display_name, uri))
        if self._direct is None:
            self._direct = Account(self._home, None)
            self._direct.create(config, True)
        else:
            self._direct.modify(config)
        self._direct.uri = uri

    def _put(self, wanted: WorkerAccount, display_name: str) -> None:
        config = self._base(identity(wanted.display_name or display_name, wanted.aor))
        if wanted.registrar and self._front:
            config.regConfig.registrarUri = wanted.registrar
            config.regConfig.timeoutSec = wanted.expires_s
            config.regConfig.firstRetryIntervalSec = _FIRST_RETRY_S
            config.regConfig.retryIntervalSec = _RETRY_S
            config.regConfig.randomRetryIntervalSec = _RANDOM_S
            config.regConfig.unregWaitMsec = _UNREGISTER_WAIT_MS
            config.regConfig.delayBeforeRefreshSec = 20
        if wanted.proxy:
            config.sipConfig.proxies.append(wanted.proxy)
        if wanted.username:
            config.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "*", wanted.username, 0, wanted.password))
        config.natConfig.udpKaIntervalSec = wanted.keepalive_s
        config.callConfig.timerUse = _TIMER[wanted.session_timer]
        config.callConfig.prackUse = _PRACK[wanted.prack]
        config.mediaConfig.srtpUse = _SRTP[wanted.srtp]
        account = self._accounts.get(wanted.id)
        if account is None:
            account = Account(self._home, wanted)
            account.uri = wanted.aor
            account.create(config)
            self._accounts[wanted.id] = account
        elif account.wanted != wanted:
            account.wanted = wanted
            account.uri = wanted.aor
            account.modify(config)

    def _base(self, id_uri: str) -> pj.AccountConfig:
        config = pj.AccountConfig()
        config.idUri = id_uri
        first, last = self._rtp
        config.mediaConfig.transportConfig.port = first
        config.mediaConfig.transportConfig.portRange = last - first
        config.mediaConfig.transportConfig.boundAddress = self._host
        config.mediaConfig.transportConfig.publicAddress = self._public_address
        config.callConfig.timerSessExpiresSec = _SESSION_S
        config.callConfig.timerMinSESec = _LEAST_SESSION_S
        config.mediaConfig.srtpSecureSignaling = 0  # the document chooses the transport and SRTP separately
        config.mediaConfig.srtpOpt.keyings.append(pj.PJMEDIA_SRTP_KEYING_SDES)
        for name in _CRYPTOS:
            crypto = pj.SrtpCrypto()
            crypto.name = name
            config.mediaConfig.srtpOpt.cryptos.append(crypto)
        return config


def identity(display_name: str, uri: str) -> str:
    """A From value: the name quoted, with what would end the quotes escaped (RFC 3261, 25.1)."""
    name = display_name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{name}" <{uri}>' if name else f"<{uri}>"
