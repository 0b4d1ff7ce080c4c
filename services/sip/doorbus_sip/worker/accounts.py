"""The accounts of a worker, as pjsua2 has them. Only the front registers."""

from typing import TYPE_CHECKING

import pjsua2 as pj

from doorbus_sip.invite import user_of
from doorbus_sip.matching import Known, networks
from doorbus_sip.protocol import Registration, WorkerAccount
from doorbus_sip.worker.guard import guarded

if TYPE_CHECKING:
    from doorbus_sip.worker.loop import Worker

_FIRST_RETRY_S, _RETRY_S, _RANDOM_S = 10, 20, 10  # 10 s, then 20 s +- 10; the library's 300 s is an outage
_UNREGISTER_WAIT_MS = 1000


class Account(pj.Account):  # type: ignore[misc]
    """One account, or the nameless one of direct IP calls (`id` is `None`)."""

    def __init__(self, home: "Worker", wanted: WorkerAccount | None) -> None:
        super().__init__()
        self.home: Worker | None = home
        self.wanted = wanted
        self.uri = ""

    @guarded
    def onIncomingCall(self, home: "Worker", prm: pj.OnIncomingCallParam) -> None:  # noqa: N802 - the library\'s name
        """A call has taken a slot; 100 was sent."""
        home.incoming(self, prm)

    @guarded
    def onRegState(self, home: "Worker", prm: pj.OnRegStateParam) -> None:  # noqa: N802 - the library\'s name
        """The registrar answered, or did not."""
        if self.wanted is None:
            return
        home.report(
            Registration(
                account=self.wanted.id, code=int(prm.code), reason=str(prm.reason), expires_s=int(prm.expiration)
            )
        )


class Accounts:
    """The wanted accounts and their pjsua2 objects, kept in step."""

    def __init__(self, home: "Worker", front: bool, rtp: tuple[int, int], host: str) -> None:
        self._home = home
        self._front = front
        self._rtp = rtp
        self._host = host
        self._accounts: dict[str, Account] = {}
        self._direct: Account | None = None
        self.known: tuple[Known, ...] = ()

    def apply(self, wanted: tuple[WorkerAccount, ...], display_name: str, direct_uri: str) -> None:
        """Adds, changes and removes until exactly `wanted` is there; removed ones are unregistered."""
        for gone in set(self._accounts) - {account.id for account in wanted}:
            account = self._accounts.pop(gone)
            account.shutdown()
            account.home = None
        self._put_direct(display_name, direct_uri)
        for one in wanted:
            self._put(one, display_name)
        self.known = tuple(Known(a.id, user_of(a.aor), networks(a.networks)) for a in wanted)

    def get(self, account: str | None) -> Account:
        """The account to dial with.

        Raises:
            LookupError: it is not there.
        """
        found = self._direct if account is None else self._accounts.get(account)
        if found is None:
            raise LookupError(f"no account {account!r}")
        return found

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
        account = self._accounts.get(wanted.id)
        if account is None:
            account = self._accounts[wanted.id] = Account(self._home, wanted)
            account.create(config)
            account.uri = wanted.aor
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
        return config


def identity(display_name: str, uri: str) -> str:
    """A From value: the name quoted, with what would end the quotes escaped (RFC 3261, 25.1)."""
    name = display_name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{name}" <{uri}>' if name else f"<{uri}>"
