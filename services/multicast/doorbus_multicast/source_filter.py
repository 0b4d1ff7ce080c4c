"""Filters in the kernel (`SO_ATTACH_FILTER`, classic BPF, see socket(7)): what nobody wants to hear costs no time here.

A program sees the datagram's IP header at `SKF_NET_OFF`; what it refuses counts among the socket's drops.
"""

from __future__ import annotations

import ctypes
import ipaddress
import socket
import struct
from collections.abc import Iterable

SO_ATTACH_FILTER, SO_DETACH_FILTER, SO_MEMINFO = 26, 27, 55
SK_MEMINFO_DROPS = 8
SKF_NET_OFF, SKF_AD_RANDOM = 0xFFF00000, 0xFFFFF000 + 56
SOURCE_ADDRESS = 12
"""Of an IPv4 header."""
_LOAD_WORD, _AND, _IF_EQUAL, _RETURN = 0x20, 0x54, 0x15, 0x06
_ALL, _NONE = 0xFFFFFFFF, 0
_INSTRUCTION = struct.Struct("=HBBI")
_PROGRAM = struct.Struct("@HP")
_MEMINFO = struct.Struct("=9I")

Instruction = tuple[int, int, int, int]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def program(networks: Iterable[Network], one_of: int | None = None) -> list[Instruction]:
    """Returns a program that lets senders of these networks through.

    Args:
        networks: those of IPv6 never send here.
        one_of: of the others lets one in so many through, a power of 2; None = none.
    """
    steps: list[Instruction] = []
    for network in networks:
        if isinstance(network, ipaddress.IPv4Network):
            steps += [
                (_LOAD_WORD, 0, 0, SKF_NET_OFF + SOURCE_ADDRESS),
                (_AND, 0, 0, int(network.netmask)),
                (_IF_EQUAL, 0, 1, int(network.network_address)),
                (_RETURN, 0, 0, _ALL),
            ]
    if one_of is not None:
        steps += [
            (_LOAD_WORD, 0, 0, SKF_AD_RANDOM),
            (_AND, 0, 0, one_of - 1),
            (_IF_EQUAL, 0, 1, 0),
            (_RETURN, 0, 0, _ALL),
        ]
    return [*steps, (_RETURN, 0, 0, _NONE)]


def attach(heard: socket.socket, steps: list[Instruction]) -> None:
    """Has a socket hear only what the program lets through, in place of an earlier one. Raises OSError."""
    code = ctypes.create_string_buffer(b"".join(_INSTRUCTION.pack(*step) for step in steps))
    heard.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, _PROGRAM.pack(len(steps), ctypes.addressof(code)))


def detach(heard: socket.socket) -> None:
    """Has a socket hear all again. Raises OSError."""
    heard.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)


def drops(heard: socket.socket) -> int:
    """Returns how many datagrams the kernel has dropped so far, wrapping at 2^32. Raises OSError."""
    return int(_MEMINFO.unpack(heard.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, _MEMINFO.size))[SK_MEMINFO_DROPS])
