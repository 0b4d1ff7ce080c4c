"""Keeps messages from the library that would abort or stall it (`description` has the rules).

pjsua looks at the far side's addresses only when it starts media, and pjsua2 is not asked before an answer to an offer
takes effect: in the 200 of a dialed phone, in the ACK of a call without an offer. So a module of the wheel's own pjsip,
in front of its transactions, reads every message first. A request that may not pass gets 400 or 488, a response or an
ACK is dropped: then the far side sends it again until it gives up.

What is received is only handed to pjsip's own functions (`native` has what both need).
"""

import ctypes
from collections.abc import Callable

import pjsua2 as pj

from doorbus_sip.description import has_one_type, has_sip_targets, is_safe
from doorbus_sip.worker.native import Text, bind, register

_AFTER_TRANSPORT = 9
_PASS, _BAD_REQUEST, _NOT_ACCEPTABLE = 0, 400, 488
_READ = "_ZN2pj9SipRxData6fromPjER13pjsip_rx_data"  # SipRxData::fromPj, as every callback of pjsua2 uses it
_MAX_DESCRIPTION = 16_384
_POINTER = ctypes.c_void_p


class _Description(ctypes.Structure):
    """`pjsip_rdata_sdp_info`."""

    _fields_ = (("body", Text), ("error", ctypes.c_int), ("session", ctypes.c_void_p))


class Screen:
    """Looks at messages from now on; keep it as long as the library lives.

    Args:
        on_refused: called with a line for the log for each message that did not pass.

    Raises:
        AttributeError, OSError: this build of the library takes no module, or lacks a function; without the screen
            whoever can send a packet can end the process, so it must not run.
    """

    def __init__(self, on_refused: Callable[[str], None]) -> None:
        self._on_refused = on_refused
        self._library = bind(
            {
                "pjsua_get_pjsip_endpt": (_POINTER, ()),
                "pjsip_rx_data_get_info": (ctypes.c_char_p, (_POINTER,)),
                "pjsip_endpt_respond_stateless": (
                    ctypes.c_int,
                    (_POINTER, _POINTER, ctypes.c_int, _POINTER, _POINTER, _POINTER),
                ),
                "pjsip_rdata_get_sdp_info": (ctypes.POINTER(_Description), (_POINTER,)),
                _READ: (None, (_POINTER, _POINTER)),
                "pjmedia_sdp_print": (ctypes.c_int, (_POINTER, _POINTER, ctypes.c_size_t)),
            }
        )
        self._read = getattr(self._library, _READ)
        self._seen = pj.SipRxData()
        self._buffer = ctypes.create_string_buffer(_MAX_DESCRIPTION)
        self._endpoint = self._library.pjsua_get_pjsip_endpt()
        self._module = register(b"mod-doorbus-screen", _AFTER_TRANSPORT, self._request, self._response)

    def has_description(self, received: int) -> bool:
        """Whether the library has found a session description in what was received (`pjRxData`)."""
        found = self._library.pjsip_rdata_get_sdp_info(received)
        return bool(found and found.contents.session)

    def _request(self, received: int) -> int:
        code = self._judge(received)
        if code == _PASS:
            return 0
        said = self._library.pjsip_rx_data_get_info(received) or b""
        if b" ACK/" not in said:
            self._library.pjsip_endpt_respond_stateless(self._endpoint, received, code, None, None, None)
        self._on_refused(f"a request is not safe, {code}")
        return 1

    def _response(self, received: int) -> int:
        if self._judge(received) == _PASS:
            return 0
        self._on_refused("a response is not safe, dropped")
        return 1

    def _judge(self, received: int) -> int:
        self._read(int(self._seen.this), received)
        message = str(self._seen.wholeMsg)
        if not has_one_type(message) or not has_sip_targets(message):
            return _BAD_REQUEST
        found = self._library.pjsip_rdata_get_sdp_info(received)
        if not found or not found.contents.session:
            return _PASS  # none, or one that pjsip refuses to read
        length = self._library.pjmedia_sdp_print(found.contents.session, self._buffer, _MAX_DESCRIPTION)
        safe = length >= 0 and is_safe(self._buffer.raw[:length].decode(errors="replace"))
        return _PASS if safe else _NOT_ACCEPTABLE
