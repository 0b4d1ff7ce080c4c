"""The few functions of pjsip that pjsua2 does not offer, called through the wheel's own exported symbols.

Rules
- Everything here is called on the library's thread, from within one of its callbacks, where the pointers are alive.
- No structure of the library is read or laid out, except a module's, whose layout is checked against one of the
  library's own modules first. Where a symbol or the layout is not as expected, `load` says `None` and the door does
  without: such requests stay unanswered outside a dialog, and get pjsip's 500 within one.
"""

import ctypes
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pjsua2 import _pjsua2

_KNOWN_MODULE, _KNOWN_NAME, _KNOWN_PRIORITY = "mod_stateful_util", b"mod-stateful-util", 64
_LAST = 127  # after every module of the library: what comes here, nobody else wanted
_DECODING = 2
"""`PJMEDIA_DIR_DECODING`."""
_POINTER = ctypes.c_void_p
_RECEIVE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
Receive = Callable[[int], int]
"""From the pointer to what was received (`pjRxData`) to whether that is the end of it: 1, or 0 to go on."""
Signatures = Mapping[str, tuple[object, tuple[object, ...]]]
"""Result and arguments of functions, by name."""


class Text(ctypes.Structure):
    """`pj_str_t`."""

    _fields_ = (("ptr", ctypes.c_char_p), ("slen", ctypes.c_ssize_t))


class _Module(ctypes.Structure):
    """`pjsip_module`."""

    _fields_ = (
        ("prev", _POINTER),
        ("next", _POINTER),
        ("name", Text),
        ("id", ctypes.c_int),
        ("priority", ctypes.c_int),
        ("load", _POINTER),
        ("start", _POINTER),
        ("stop", _POINTER),
        ("unload", _POINTER),
        ("on_rx_request", _POINTER),
        ("on_rx_response", _POINTER),
        ("on_tx_request", _POINTER),
        ("on_tx_response", _POINTER),
        ("on_tsx_state", _POINTER),
    )


def bind(signatures: Signatures) -> ctypes.CDLL:
    """Returns the wheel's library with these functions typed.

    Raises:
        AttributeError: this build does not export one of them.
    """
    library = ctypes.CDLL(_pjsua2.__file__)
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def register(name: bytes, priority: int, on_request: Receive, on_response: Receive | None = None) -> object:
    """Adds a module of ours to pjsip's; keep what is returned as long as the library lives.

    Args:
        name: for the library's log.
        priority: lower ones see a message first; the transport layer has 8, transactions 16.
        on_request: gets each request, on the library's thread.
        on_response: gets each response; None = they are not looked at.

    Raises:
        AttributeError: this build lacks a function, or lays modules out in another way.
        OSError: pjsip takes no module.
    """
    library = bind(
        {
            "pjsua_get_pjsip_endpt": (_POINTER, ()),
            "pjsip_endpt_register_module": (ctypes.c_int, (_POINTER, _POINTER)),
        }
    )
    _check_layout(library)
    callbacks = (_RECEIVE(on_request), None if on_response is None else _RECEIVE(on_response))
    module = _Module(name=Text(name, len(name)), id=-1, priority=priority)
    module.on_rx_request = ctypes.cast(callbacks[0], _POINTER)
    if callbacks[1] is not None:
        module.on_rx_response = ctypes.cast(callbacks[1], _POINTER)
    status = library.pjsip_endpt_register_module(library.pjsua_get_pjsip_endpt(), ctypes.addressof(module))
    if status != 0:
        raise OSError(f"pjsip takes no module: {status}")
    return module, callbacks, name


def _check_layout(library: ctypes.CDLL) -> None:
    known = _Module.in_dll(library, _KNOWN_MODULE)
    found = (known.name.ptr, known.name.slen, known.priority, bool(known.on_tsx_state), known.on_rx_request)
    if found != (_KNOWN_NAME, len(_KNOWN_NAME), _KNOWN_PRIORITY, True, None):
        raise AttributeError("pjsip_module is laid out in another way")


class _List(ctypes.Structure):
    """The head of a `pj_list`; of a list of headers nobody looks at more than this."""

    _fields_ = (("prev", _POINTER), ("next", _POINTER))


@dataclass(frozen=True, slots=True)
class Headers:
    """A list of headers as pjsip takes it, made once; `memory` keeps alive what it points to."""

    address: int
    memory: object


class Native:
    """pjsip's functions, with their types."""

    def __init__(self) -> None:
        self._modules: list[object] = []
        self._library = bind(
            {
                "pjsip_tsx_get_dlg": (_POINTER, (_POINTER,)),
                "pjsip_dlg_respond": (ctypes.c_int, (_POINTER, _POINTER, ctypes.c_int, _POINTER, _POINTER, _POINTER)),
                "pjsip_endpt_respond_stateless": (
                    ctypes.c_int,
                    (_POINTER, _POINTER, ctypes.c_int, _POINTER, _POINTER, _POINTER),
                ),
                "pjsip_rx_data_get_info": (ctypes.c_char_p, (_POINTER,)),
                "pjsua_get_pjsip_endpt": (_POINTER, ()),
                "pjsua_pool_create": (_POINTER, (ctypes.c_char_p, ctypes.c_size_t, ctypes.c_size_t)),
                "pjsip_generic_string_hdr_create": (_POINTER, (_POINTER, _POINTER, _POINTER)),
                "pj_list_insert_before": (None, (_POINTER, _POINTER)),
                "pjmedia_stream_resume": (ctypes.c_int, (_POINTER, ctypes.c_int)),
            }
        )
        _check_layout(self._library)

    def headers(self, values: Mapping[str, str]) -> Headers:
        """Returns header lines for responses; the library must have been created."""
        pool = self._library.pjsua_pool_create(b"doorbus", 1024, 1024)
        head = _List()
        address = ctypes.addressof(head)
        head.prev = head.next = address
        for name, value in values.items():
            texts = [Text(part, len(part)) for part in (name.encode(), value.encode())]
            header = self._library.pjsip_generic_string_hdr_create(pool, *(ctypes.byref(text) for text in texts))
            self._library.pj_list_insert_before(address, header)
        return Headers(address, head)

    def respond_in_dialog(self, transaction: int, received: int, code: int, headers: Headers | None = None) -> bool:
        """Sends the final response of a server transaction; False when it belongs to no dialog or nothing was sent."""
        dialog = self._library.pjsip_tsx_get_dlg(transaction)
        if not dialog or not received:
            return False
        lines = None if headers is None else headers.address
        return bool(self._library.pjsip_dlg_respond(dialog, received, code, None, lines, None) == 0)

    def respond(self, received: int, code: int, headers: Headers | None = None) -> bool:
        """Sends a response without a transaction (RFC 3261, 8.2.7): a repeated request gets it again."""
        endpoint = self._library.pjsua_get_pjsip_endpt()
        lines = None if headers is None else headers.address
        return bool(self._library.pjsip_endpt_respond_stateless(endpoint, received, code, None, lines, None) == 0)

    def hear(self, stream: int) -> bool:
        """Has a stream (`pjmedia_stream`) that only sends read what comes, too: digits among it."""
        return bool(self._library.pjmedia_stream_resume(stream, _DECODING) == 0)

    def on_unhandled(self, answer: Callable[[str, int], None]) -> None:
        """Has `answer` called with the method of each request that no module of the library took, and its pointer.

        Raises:
            OSError: the module cannot be registered.
        """

        def receive(received: int) -> int:
            # "Request msg OPTIONS/cseq=1 (rdata0x…)": the one way to a request's method that needs no layout
            info = bytes(self._library.pjsip_rx_data_get_info(received) or b"")
            method = info.removeprefix(b"Request msg ").partition(b"/cseq=")[0]
            answer(method.decode(errors="replace"), received)
            return 1

        self._modules.append(register(b"mod-doorbus-unhandled", _LAST, receive))


@functools.cache
def load() -> Native | None:
    """Returns the functions, or `None` when this build has them not or in another shape."""
    try:
        return Native()
    except (AttributeError, ValueError):
        return None
