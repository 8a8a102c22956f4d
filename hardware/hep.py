"""Decodes HEP version 3: the packets in which Asterisk, FreeSWITCH and Kamailio copy every SIP message to a listener.

No I/O here: bytes in, `Hep` or `Refused` out, for datagrams and for streams. The packets hold credentials (digest
answers in the SIP text, the HEP password), so a listener belongs on loopback and the records hide them from repr.
Source: the HEP/EEP protocol document, revision 12; hardware.md B.7; and captures of Asterisk 22.10.1,
Kamailio 5.6.3 and FreeSWITCH 1.10.12.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Address, IPv6Address
from struct import Struct

MAGIC = b"HEP3"
HEADER = Struct(">4sH")  # magic, length of everything
CHUNK = Struct(">HHH")  # vendor, type, length of the chunk with these six bytes
SIP = 1
"""Protocol type of SIP; 5 is RTCP as JSON, 100 a log line."""


class Reason(Enum):
    """Why a packet was refused: what a listener counts by."""

    NOT_HEP = "not HEP"
    OLD_VERSION = "HEP version 1 or 2"
    LENGTH = "its length is not what its header says"
    CHUNK = "a chunk is cut short, too long or given twice"
    INCOMPLETE = "no source, destination, time or payload"
    WRONG_KEY = "not our password"
    NO_KEY = "no password, and FreeSWITCH can send none"


@dataclass(frozen=True, slots=True)
class Refused:
    reason: Reason


@dataclass(frozen=True, slots=True)
class Hep:
    """One copied message.

    `at` is Unix time as the sender says. Asterisk 22 cuts that of what it received down to whole milliseconds and
    not that of what it sent, so a reply can seem older than its request: rely on the order of arrival instead.
    `destination` of what Asterisk received and `source` of what it sent is 127.0.0.1 in the lab, whatever the
    address: only the far side's is to be believed.
    """

    source: str
    source_port: int
    destination: str
    destination_port: int
    at: float
    protocol: int  # 1 = SIP
    transport: int  # IP protocol: 17 = UDP, 6 = TCP
    node: int  # the sender's capture id
    correlation: str  # Asterisk with uuid_type=channel: the channel's name, or the Call-ID where it knows no channel;
    # "" from FreeSWITCH
    key: bytes = field(repr=False)
    payload: bytes = field(repr=False)


def read(packet: bytes) -> Hep | Refused:
    """Decode one whole packet. Never raises."""
    if len(packet) < HEADER.size or packet[:4] != MAGIC:
        return Refused(Reason.OLD_VERSION if _is_old(packet) else Reason.NOT_HEP)
    if HEADER.unpack_from(packet)[1] != len(packet):
        return Refused(Reason.LENGTH)
    chunks = _chunks(packet)
    if chunks is None:
        return Refused(Reason.CHUNK)
    return _hep(chunks)


def checked(packet: Hep | Refused, password: bytes) -> Hep | Refused:
    """Refuse what does not carry this password; an empty one lets everything pass (loopback only)."""
    if isinstance(packet, Refused) or not password or hmac.compare_digest(packet.key, password):
        return packet
    return Refused(Reason.WRONG_KEY if packet.key else Reason.NO_KEY)


@dataclass(slots=True)
class Stream:
    """Cuts what comes over one TCP or TLS connection into packets: `for one in stream.feed(data)`.

    After bytes that begin no packet there is no way to find the next one: `lost` is set, what follows is ignored,
    and the listener should hang up. Holds at most one packet, which its header limits to 65,535 bytes.
    """

    lost: bool = False
    _held: bytearray = field(default_factory=bytearray, repr=False)

    def feed(self, data: bytes) -> list[Hep | Refused]:
        if self.lost:
            return []
        self._held += data
        found: list[Hep | Refused] = []
        start = 0
        while not self.lost and len(self._held) - start >= HEADER.size:
            magic, length = HEADER.unpack_from(self._held, start)
            if magic != MAGIC or length < HEADER.size:
                self.lost = True
                reason = Reason.LENGTH if magic == MAGIC else Reason.NOT_HEP
                found.append(Refused(Reason.OLD_VERSION if _is_old(self._held[start:]) else reason))
            elif len(self._held) - start < length:
                break
            else:
                found.append(read(bytes(self._held[start : start + length])))
                start += length
        del self._held[: len(self._held) if self.lost else start]
        return found


def _is_old(packet: bytes | bytearray) -> bool:
    """Versions 1 and 2 begin with the version, the header's length and the address family (AF_INET or AF_INET6)."""
    return len(packet) >= 4 and packet[0] in (1, 2) and packet[1] >= 16 and packet[2] in (2, 10)


def _chunks(packet: bytes) -> dict[int, bytes] | None:
    """The chunks of vendor 0 by type; other vendors' are left out. None when they do not fill the packet exactly."""
    chunks: dict[int, bytes] = {}
    place = HEADER.size
    while place < len(packet):
        if len(packet) - place < CHUNK.size:
            return None
        vendor, kind, length = CHUNK.unpack_from(packet, place)
        if not CHUNK.size <= length <= len(packet) - place:
            return None
        if vendor == 0:
            # A second payload or address could make two readers see two different messages.
            if kind in chunks:
                return None
            chunks[kind] = packet[place + CHUNK.size : place + length]
        place += length
    return chunks


def _hep(chunks: dict[int, bytes]) -> Hep | Refused:
    numbers = {kind: int.from_bytes(chunks[kind], "big") for kind, size in SIZES.items() if _fits(chunks, kind, size)}
    source = _address(chunks, 0x0003, 0x0005)
    destination = _address(chunks, 0x0004, 0x0006)
    needed = {0x0007, 0x0008, 0x0009, 0x000B}
    if not source or not destination or not needed <= numbers.keys() or 0x000F not in chunks:
        return Refused(Reason.INCOMPLETE)
    return Hep(
        source,
        numbers[0x0007],
        destination,
        numbers[0x0008],
        numbers[0x0009] + min(numbers.get(0x000A, 0), 999_999) / 1e6,
        numbers[0x000B],
        numbers.get(0x0002, 0),
        numbers.get(0x000C, 0),
        chunks.get(0x0011, b"")[:255].decode("utf-8", "backslashreplace"),
        chunks.get(0x000E, b""),
        chunks[0x000F],
    )


# Type -> bytes: transport, ports, seconds, microseconds, protocol type, capture id.
SIZES = {0x0002: 1, 0x0007: 2, 0x0008: 2, 0x0009: 4, 0x000A: 4, 0x000B: 1, 0x000C: 4}


def _fits(chunks: dict[int, bytes], kind: int, size: int) -> bool:
    return kind in chunks and len(chunks[kind]) == size


def _address(chunks: dict[int, bytes], four: int, six: int) -> str:
    """The IPv4 or IPv6 address in one of two chunks; "" when neither holds one."""
    if _fits(chunks, four, 4):
        return str(IPv4Address(chunks[four]))
    return str(IPv6Address(chunks[six])) if _fits(chunks, six, 16) else ""
