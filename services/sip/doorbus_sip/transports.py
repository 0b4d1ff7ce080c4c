"""Which connection-oriented transports a worker opens, and on which ports.

Rules
- The front opens what `listen` says, and what an account uses. pjsip cannot open connections without a listener: where
  `listen` has none, that listener takes any free port.
- A dialer opens only what an account uses, on its fixed port for TCP; TLS gets the ports of `dialer_ports` that are
  left over after all dialers (it needs a port of its own), or a free one.
- The certificate is the front's alone: nobody calls a dialer.
"""

from doorbus_sip.config import EngineConfig
from doorbus_sip.protocol import WorkerTls


def tcp_port(config: EngineConfig, dialer: int, front: int | None) -> int | None:
    """The TCP port of a worker, 0 for any free one, `None` for none.

    Args:
        config: of the engine.
        dialer: the dialer's number from 1, or 0 for the front.
        front: the port that the front has or shall have.
    """
    if dialer == 0 and front is not None:
        return front
    if "tcp" not in config.transports:
        return None
    return _port_of(config, dialer - 1) if dialer else 0


def tls_of(config: EngineConfig, dialer: int) -> WorkerTls | None:
    """The TLS transport of a worker, `None` for none; `dialer` as above."""
    tls = config.tls
    if "tls" not in config.transports and (dialer or tls.port is None):
        return None
    own = WorkerTls(port=tls.port or 0, cert=tls.cert.get_secret_value(), key=tls.key.get_secret_value())
    shown = WorkerTls(port=_port_of(config, config.max_dialers + dialer - 1)) if dialer else own
    return shown.model_copy(update={"ca": tls.ca, "ca_file": tls.ca_file, "verify": tls.verify})


def _port_of(config: EngineConfig, index: int) -> int:
    return config.dialer_ports[index] if index < len(config.dialer_ports) else 0
