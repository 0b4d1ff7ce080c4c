"""Session descriptions as far as tests need them: one audio stream with PCMU and telephone events (RFC 4566, 3264)."""

import re
from dataclasses import dataclass

MIRRORED = {"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}
TELEPHONE_EVENT = 101


@dataclass(frozen=True, slots=True)
class AudioLine:
    """The first audio line of a description.

    Attributes:
        address: where RTP shall go.
        port: 0 when the stream is refused.
        payload_types: as offered, in order of preference.
        telephone_event: payload type of RFC 4733 events, None without.
        direction: `sendrecv`, `sendonly`, `recvonly` or `inactive`.
    """

    address: str
    port: int
    payload_types: tuple[int, ...]
    telephone_event: int | None
    direction: str


def parse_audio(body: bytes) -> AudioLine:
    """Reads the first audio line; raises ValueError when there is none or no address for it."""
    text = body.decode(errors="replace")
    session, *media = re.split(r"(?m)^(?=m=)", text)
    audio = next((block for block in media if block.startswith("m=audio")), None)
    if audio is None:
        raise ValueError("no audio line in the session description")
    line = re.match(r"m=audio (\d+)(?:/\d+)? \S+ ([\d ]+)", audio)
    address = re.search(r"(?m)^c=IN IP4 (\S+)", audio) or re.search(r"(?m)^c=IN IP4 (\S+)", session)
    if line is None or address is None:
        raise ValueError("no formats or no address in the session description")
    events = re.search(r"(?im)^a=rtpmap:(\d+) telephone-event/8000", audio)
    direction = re.search(r"(?m)^a=(sendrecv|sendonly|recvonly|inactive)\s*$", audio) or re.search(
        r"(?m)^a=(sendrecv|sendonly|recvonly|inactive)\s*$", session
    )
    return AudioLine(
        address=address.group(1),
        port=int(line.group(1)),
        payload_types=tuple(int(number) for number in line.group(2).split()),
        telephone_event=int(events.group(1)) if events else None,
        direction=direction.group(1) if direction else "sendrecv",
    )


def pcmu_sdp(
    host: str,
    port: int,
    *,
    direction: str = "sendrecv",
    telephone_event: int | None = TELEPHONE_EVENT,
    version: int = 1,
) -> bytes:
    """Writes a description with PCMU, and telephone events unless their payload type is None.

    Args:
        host: IPv4 address that RTP shall come to.
        port: and its UDP port.
        direction: `sendrecv`, `sendonly`, `recvonly` or `inactive`.
        telephone_event: payload type of RFC 4733 events.
        version: grows with each change in a dialog (RFC 3264, section 8).
    """
    formats = "0" if telephone_event is None else f"0 {telephone_event}"
    lines = ["v=0", f"o=wire 1 {version} IN IP4 {host}", "s=wire", f"c=IN IP4 {host}", "t=0 0"]
    lines += [f"m=audio {port} RTP/AVP {formats}", "a=rtpmap:0 PCMU/8000"]
    if telephone_event is not None:
        lines += [f"a=rtpmap:{telephone_event} telephone-event/8000", f"a=fmtp:{telephone_event} 0-16"]
    lines += ["a=ptime:20", f"a={direction}", ""]
    return "\r\n".join(lines).encode()
