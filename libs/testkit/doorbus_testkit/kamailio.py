"""Debian's Kamailio 5.6 as registrar and proxy: a SIP server that nobody here wrote, configured for one test.

It knows its users by digest authentication (MD5), keeps their contacts in memory, stays in the path of the calls that
it relays (Record-Route), and writes one line about each request that a test can read back. It can be stopped and
started again on the same ports; what it knew is then gone, as after a crash.
"""

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from types import TracebackType
from typing import Self

import psutil

from doorbus_testkit.certificates import Certificate
from doorbus_testkit.peers import missing, require_program
from doorbus_testkit.polling import eventually
from doorbus_testkit.ports import free_udp_port, give_back
from doorbus_testkit.processes import Process

MODULE_FOLDERS = ("/usr/lib/x86_64-linux-gnu/kamailio/modules", "/usr/lib/aarch64-linux-gnu/kamailio/modules")
READY = "doorbus ready"
MARK = "doorbus request"
NONE = "<null>"

CONFIGURATION = Template(
    r"""
debug=1
log_stderror=yes
fork=yes
children=1
tcp_children=1
auto_aliases=no
dns=no
rev_dns=no
dns_try_naptr=no
use_dns_cache=no
tcp_connection_lifetime=3605
tcp_reuse_port=yes
$tls_on
$listen

mpath="$modules"
loadmodule "tm.so"
loadmodule "tmx.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "xlog.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
$tls_module

modparam("usrloc", "db_mode", 0)
modparam("usrloc", "timer_interval", 1)
modparam("registrar", "max_expires", $max_expires)
modparam("registrar", "append_branches", 0)
modparam("rr", "enable_full_lr", 1)
modparam("tm", "fr_timer", 5000)
modparam("tm", "fr_inv_timer", 60000)
$tls_parameters

event_route[core:worker-one-init] {
    xlog("L_ERR", "$ready\n");
}

request_route {
    xlog("L_ERR", "$mark\t$$rm\t$$ru\t$$fU\t$$proto\t$$si\t$$sp\t$$hdr(Expires)\t$$hdr(Contact)\t$$hdr(Reason)\n");
    if (!mf_process_maxfwd_header("10")) {
        sl_send_reply("483", "Too Many Hops");
        exit;
    }
    force_rport();
    if (is_method("CANCEL")) {
        if (t_check_trans()) t_relay();
        exit;
    }
    if (has_totag()) {
        if (loose_route()) {
            t_relay();
        } else if (!is_method("ACK")) {
            sl_send_reply("404", "Not Here");
        } else if (t_check_trans()) {
            t_relay();
        }
        exit;
    }
    t_check_trans();
    route(PASSWORD);
    if (is_method("REGISTER")) {
        route(REGISTER);
        exit;
    }
    if (is_method("OPTIONS") && $$rU == $$null) {
        sl_send_reply("200", "OK");
        exit;
    }
    if ($$var(password) != "") {
        if (!pv_auth_check("$realm", "$$var(password)", "0", "0")) {
            auth_challenge("$realm", "1");
            exit;
        }
        consume_credentials();
    }
    remove_hf("Route");
    record_route();
$numbers
    if ($$du == $$null && !lookup("location")) {
        sl_send_reply("404", "Not Found");
        exit;
    }
    if (!t_relay()) sl_reply_error();
}

route[PASSWORD] {
    $$var(password) = "";
$passwords
}

route[REGISTER] {
    if ($$var(password) == "" || !pv_auth_check("$realm", "$$var(password)", "0", "1")) {
        auth_challenge("$realm", "1");
        exit;
    }
    if ($$hdr(Expires) != $$null && $$(hdr(Expires){s.int}) > 0 && $$(hdr(Expires){s.int}) < $min_expires) {
        append_to_reply("Min-Expires: $min_expires\r\n");
        sl_send_reply("423", "Interval Too Brief");
        exit;
    }
    save("location");
}
"""
)


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it reached the server; one with digest authentication comes twice.

    Attributes:
        method: `REGISTER`, `INVITE` and so on.
        uri: the request URI.
        user: the user of From.
        transport: `udp`, `tcp` or `tls`.
        source: address and port that it came from.
        expires: the Expires header, None without.
        contact: the first Contact, "" without.
        reason: the Reason header, "" without.
    """

    method: str
    uri: str
    user: str
    transport: str
    source: tuple[str, int]
    expires: int | None
    contact: str
    reason: str


class Kamailio:
    """A SIP server: `async with Kamailio({"door": "secret"}) as server: …server.uri…`.

    Args:
        users: passwords by user name. Their registrations and calls are challenged; a call of anybody else is taken.
        host: IPv4 address to bind.
        port: of UDP and TCP; default a free one.
        tls: certificate of a TLS port, which is `tls_port`; default no TLS.
        realm: of the digest.
        numbers: calls to these go to an address and port, whoever listens there: service codes, phones that do not
            register. `#` is written as such here.
        min_expires_s: a shorter registration gets 423 with this as Min-Expires.
        max_expires_s: a longer one is cut.
        prefix: words before the command line, `namespace.prefix` for instance.
    """

    def __init__(
        self,
        users: Mapping[str, str],
        *,
        host: str = "127.0.0.1",
        port: int | None = None,
        tls: Certificate | None = None,
        realm: str = "doorbus.test",
        numbers: Mapping[str, tuple[str, int]] | None = None,
        min_expires_s: int = 0,
        max_expires_s: int = 3600,
        prefix: Sequence[str] = (),
    ) -> None:
        self.host = host
        self.port = free_udp_port() if port is None else port
        self.tls_port = free_udp_port() if tls is not None else 0
        self._users = dict(users)
        self._tls = tls
        self._realm = realm
        self._numbers = dict(numbers or {})
        self._min_expires_s = min_expires_s
        self._max_expires_s = max_expires_s
        self._prefix = tuple(prefix)
        self._folder = Path()
        self._process: Process | None = None
        self._starts = 0

    @property
    def uri(self) -> str:
        """The registrar's address over UDP and TCP, `sip:HOST:PORT`."""
        return f"sip:{self.host}:{self.port}"

    @property
    def tls_uri(self) -> str:
        """The registrar's address over TLS, `sip:HOST:PORT`; the transport has to be named beside it."""
        return f"sip:{self.host}:{self.tls_port}"

    def aor(self, user: str) -> str:
        """A user's address of record, `sip:USER@HOST:PORT`."""
        return f"sip:{user}@{self.host}:{self.port}"

    @property
    def process(self) -> Process:
        """Its process; raises RuntimeError before the start."""
        if self._process is None:
            raise RuntimeError("Kamailio has not been started")
        return self._process

    @property
    def requests(self) -> list[Request]:
        """All requests that reached it since its first start, in order."""
        return [_request(line) for line in self.log_text().splitlines() if f"{MARK}\t" in line]

    def of(self, method: str, user: str | None = None) -> list[Request]:
        """Returns the requests of a method, of one From user only if it is given."""
        return [one for one in self.requests if one.method == method and user in (None, one.user)]

    def log_text(self) -> str:
        """Returns its log since its first start."""
        return self.process.log_text()

    async def start(self) -> None:
        """Starts it, with nobody registered, and waits until it serves."""
        self._starts += 1
        program = require_program("kamailio")
        words: list[str | Path] = [*self._prefix, *_together(), program, "-DD", "-E", "-m", "32", "-M", "4"]
        words += ["-f", self._folder / "kamailio.cfg", "-w", self._folder, "-Y", self._folder]
        self._process = Process(words, log=self._folder / "kamailio.log")
        await eventually(self._is_ready_or_over, 20.0, what="Kamailio serves")
        if not self._process.running:
            raise AssertionError(f"Kamailio ended: {self.log_text()[-3000:]}")

    async def stop(self) -> None:
        """Ends it at once; its ports stay reserved, and refuse, until `start` or the end."""
        if self._process is None or not self._process.running:
            return
        family = psutil.Process(self._process.pid).children(recursive=True)
        self._process.kill9()
        await eventually(lambda: not any(child.is_running() for child in family), what="Kamailio has ended")

    async def __aenter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="doorbus-kamailio-"))
        try:
            (self._folder / "kamailio.cfg").write_text(self._configuration())
            await self.start()
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
        give_back(self.port)
        if self.tls_port:
            give_back(self.tls_port)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _is_ready_or_over(self) -> bool:
        return not self.process.running or self.log_text().count(READY) >= self._starts

    def _configuration(self) -> str:
        listen = [f"listen=udp:{self.host}:{self.port}", f"listen=tcp:{self.host}:{self.port}"]
        parameters: list[str] = []
        if self._tls is not None:
            listen.append(f"listen=tls:{self.host}:{self.tls_port}")
            parameters = [
                f'modparam("tls", "{name}", "{value}")'
                for name, value in (
                    ("tls_method", "TLSv1.2+"),
                    ("certificate", self._tls.cert),
                    ("private_key", self._tls.key),
                )
            ]
        numbers = [
            f'    if ($rU == "{number.replace("#", "%23")}") $du = "sip:{host}:{port}";'
            for number, (host, port) in self._numbers.items()
        ]
        passwords = [
            f'    if ($fU == "{user}") $var(password) = "{password}";' for user, password in self._users.items()
        ]
        return CONFIGURATION.substitute(
            tls_on="" if self._tls is None else "enable_tls=yes",
            tls_module="" if self._tls is None else 'loadmodule "tls.so"',
            tls_parameters="\n".join(parameters),
            listen="\n".join(listen),
            modules=_modules(),
            max_expires=self._max_expires_s,
            min_expires=self._min_expires_s,
            realm=self._realm,
            ready=READY,
            mark=MARK,
            numbers="\n".join(numbers),
            passwords="\n".join(passwords),
        )


def _together() -> tuple[str, ...]:
    """Returns the words that run a program in a process namespace: no child outlives it, however it ends."""
    rights = () if os.geteuid() == 0 else ("--user", "--map-current-user")
    return (str(require_program("unshare")), *rights, "--pid", "--fork", "--kill-child=SIGKILL")


def _modules() -> str:
    found = next((folder for folder in MODULE_FOLDERS if Path(folder).exists()), None)
    if found is None:
        missing("Kamailio's modules are not installed: as root, make system-deps")
    return found


def _request(line: str) -> Request:
    fields = ["" if field == NONE else field for field in line.split("\t")[1:]]
    method, uri, user, transport, source, port, expires, contact, reason = fields
    return Request(
        method=method,
        uri=uri,
        user=user,
        transport=transport,
        source=(source, int(port)),
        expires=int(expires) if expires else None,
        contact=contact,
        reason=reason,
    )
