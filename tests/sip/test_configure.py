"""From a document to the engine's configuration: TLS and its secrets, codecs, ports of the workers."""

import json
from pathlib import Path

import pytest
from pydantic import SecretStr

from doorbus.contract.document import Door, SecretRef
from doorbus_sip.config import EngineConfig
from doorbus_sip.configure import engine_config
from doorbus_sip.transports import tcp_port, tls_of
from doorbus_testkit.certificates import Authority

Secrets = dict[str, str]


def configured(sip: dict[str, object], secrets: Secrets) -> tuple[EngineConfig, dict[str, str]]:
    """Returns the configuration of a door with this `sip` section, and what is left out, with why."""
    left_out: dict[str, str] = {}

    def resolve(reference: SecretRef) -> SecretStr:
        return SecretStr(secrets[str(reference.env)])

    door = Door.model_validate_json(json.dumps({"door": "front", "timezone": "UTC", "sip": sip}))
    config = engine_config(door, resolve, left_out.__setitem__, spare_dialers=0, audio_dir=None)
    return config, left_out


def account(name: str, **fields: object) -> dict[str, object]:
    return {"id": name, "aor": f"sip:{name}@pbx.example.com", "registrar": "sip:pbx.example.com", **fields}


def secret(name: str) -> dict[str, str]:
    return {"env": f"DOORBUS_SECRET_{name}"}


LISTEN = {"tls": {"port": 5061, "cert": secret("CERT"), "key": secret("KEY")}}


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    """A certificate, its key, and the authority's certificate."""
    authority = Authority(tmp_path)
    made = authority.issue("door.example.com")
    return {
        "DOORBUS_SECRET_CERT": made.cert.read_text(),
        "DOORBUS_SECRET_KEY": made.key.read_text(),
        "DOORBUS_SECRET_CA": authority.cert.read_text(),
    }


def test_tls_is_taken_with_its_secrets(secrets: Secrets) -> None:
    """Port, certificate, key and authorities reach the engine, and no representation shows the key."""
    config, left_out = configured({"listen": LISTEN, "tls": {"ca": secret("CA")}}, secrets)
    assert left_out == {}
    assert (config.tls.port, config.tls.verify) == (5061, True)
    assert config.tls.key.get_secret_value() == secrets["DOORBUS_SECRET_KEY"]
    assert config.tls.ca == secrets["DOORBUS_SECRET_CA"]
    assert "PRIVATE KEY" not in repr(config)
    assert "PRIVATE KEY" not in repr(tls_of(config, 0))


@pytest.mark.parametrize("name", ["CERT", "KEY"])
def test_bad_certificate_leaves_only_the_tls_port_out(secrets: Secrets, name: str, tmp_path: Path) -> None:
    """A certificate or key that is none, or of another pair, opens no TLS port; nothing of it is told."""
    stranger = Authority(tmp_path, "stranger").issue("door.example.com", name="other")
    other = {"CERT": stranger.cert, "KEY": stranger.key}[name].read_text()
    for value in ("no PEM at all", other):
        config, left_out = configured({"listen": LISTEN}, secrets | {f"DOORBUS_SECRET_{name}": value})
        assert left_out == {"tls": "sip.listen.tls: certificate and key cannot be used, or do not belong together"}
        assert config.tls.port is None
        assert config.listen.udp == 5060


def test_accounts_without_authorities_are_left_out(secrets: Secrets) -> None:
    """Nobody is trusted by mistake: where the authorities cannot be read, TLS accounts are left out, others work."""
    accounts = [account("secure", transport="tls"), account("plain")]
    config, left_out = configured({"accounts": accounts, "tls": {"ca": secret("MISSING")}}, secrets)
    assert left_out.keys() == {"secure"}
    assert [one.id for one in config.accounts] == ["plain"]
    config, left_out = configured({"accounts": accounts, "tls": {"ca": secret("KEY")}}, secrets)
    assert left_out == {"secure": "its TLS trusts nobody: sip.tls.ca: holds no certificate in PEM"}


def test_codecs_of_all_accounts_are_offered() -> None:
    """The library has one list: what any account wants, in the first one's order; without accounts all of them."""
    accounts = [account("a", codecs=["PCMA"]), account("b", codecs=["PCMU", "PCMA"])]
    assert configured({"accounts": accounts}, {})[0].codecs == ("PCMA", "PCMU")
    assert configured({}, {})[0].codecs == ("G722", "PCMA", "PCMU")


def test_ports_of_the_workers(secrets: Secrets) -> None:
    """Dialers open TCP and TLS only for accounts that use them, on ports of their range while it lasts."""
    sip: dict[str, object] = {"listen": LISTEN, "ports": {"dialers": "6000-6009"}}
    plain, _ = configured(sip, secrets)
    assert [tcp_port(plain, dialer, 5060) for dialer in (0, 1)] == [5060, None]
    front, dialer = tls_of(plain, 0), tls_of(plain, 1)
    assert front is not None
    assert front.port == 5061
    assert dialer is None
    used, _ = configured(sip | {"accounts": [account("a", transport="tcp"), account("b", transport="tls")]}, secrets)
    assert [tcp_port(used, dialer, 5060) for dialer in (0, 1, 8)] == [5060, 6000, 6007]
    shown = [tls_of(used, dialer) for dialer in (1, 2, 3)]
    assert [one.port for one in shown if one is not None] == [6008, 6009, 0]
    assert [one.cert for one in shown if one is not None] == ["", "", ""]
