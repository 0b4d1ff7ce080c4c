"""Answers an in-dialog request that pjsua2 hands up but cannot answer.

pjsua reads `application/dtmf-relay` itself and lets every other INFO fall through to the dialog layer, whose answer is
500: phones that send `application/dtmf` would take their digit for lost. pjsua2 has no call for a response, but the
wheel exports pjsip's own, which is what pjsua uses in the same place. It is called only from the transaction's first
callback, on the library's thread, where both pointers are alive.
"""

import ctypes
import functools

import pjsua2 as pj
from pjsua2 import _pjsua2


def respond(change: pj.TsxStateEvent, code: int) -> bool:
    """Sends `code` as the final response of a server transaction that has just received its request.

    Returns:
        False when this build cannot; then the dialog layer answers, with 500.
    """
    transaction = change.tsx
    if transaction.role != pj.PJSIP_ROLE_UAS or transaction.state != pj.PJSIP_TSX_STATE_TRYING:
        return False
    library = _library()
    if library is None:
        return False
    dialog = library.pjsip_tsx_get_dlg(int(transaction.pjTransaction))
    received = int(change.src.rdata.pjRxData)
    if not dialog or not received:
        return False
    return bool(library.pjsip_dlg_respond(dialog, received, code, None, None, None) == 0)


@functools.cache
def _library() -> ctypes.CDLL | None:
    library = ctypes.CDLL(_pjsua2.__file__)
    try:
        library.pjsip_tsx_get_dlg.argtypes = [ctypes.c_void_p]
        library.pjsip_tsx_get_dlg.restype = ctypes.c_void_p
        library.pjsip_dlg_respond.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, *[ctypes.c_void_p] * 3]
        library.pjsip_dlg_respond.restype = ctypes.c_int
    except AttributeError:
        return None
    return library
