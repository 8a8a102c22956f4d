"""Reads captures, and writes SIP and HEP by hand, for the tests of this folder."""

from __future__ import annotations

import struct
from ipaddress import ip_address
from pathlib import Path

from hardware import hep
from hardware.hep import Hep

CAPTURES = Path(__file__).parent / "captures"


def raw(name: str) -> list[bytes]:
    """The datagrams of one capture, in order."""
    data = (CAPTURES / f"{name}.hep").read_bytes()
    packets = []
    while data:
        size = int.from_bytes(data[:4], "big")
        packets.append(data[4 : 4 + size])
        data = data[4 + size :]
    return packets


def capture(name: str) -> list[Hep]:
    """The packets of one capture; all of them must be sound."""
    read = [hep.read(packet) for packet in raw(name)]
    sound = [packet for packet in read if isinstance(packet, Hep)]
    assert len(sound) == len(read) > 0
    return sound


def sip(start: str, *headers: str, body: bytes = b"", number: int = 3, tags: tuple[str, str] = ("a", "b")) -> bytes:
    """A SIP message with all that one must have; `start` gives the method of the CSeq unless `headers` do."""
    method = start.split(" ")[0]
    lines = [
        start,
        "Via: SIP/2.0/UDP 10.0.0.7:5060;branch=z9hG4bK1",
        f"From: <sip:100@pbx>;tag={tags[0]}",
        f"To: <sip:200@pbx>;tag={tags[1]}",
        "Call-ID: c1@10.0.0.7",
        *headers,
    ]
    if not any(line.lower().startswith("cseq") for line in headers):
        lines.append(f"CSeq: {number} {method}")
    if not any(line.lower().startswith(("content-length", "l:")) for line in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def info(*headers: str, body: bytes = b"", number: int = 3) -> bytes:
    return sip("INFO sip:pbx SIP/2.0", *headers, body=body, number=number)


def reply(status: int, method: str = "INFO", number: int = 3) -> bytes:
    return sip(f"SIP/2.0 {status} Whatever", f"CSeq: {number} {method}")


def chunk(kind: int, data: bytes, vendor: int = 0) -> bytes:
    return struct.pack(">HHH", vendor, kind, 6 + len(data)) + data


def packet(
    payload: bytes, *more: bytes, channel: bytes = b"PJSIP/100-1", source: str = "10.0.0.7", without: int = 0
) -> bytes:
    """One HEP packet. `without` leaves out the chunk of that type."""
    address = ip_address(source).packed
    chunks = {
        1: chunk(1, b"\x02" if len(address) == 4 else b"\x0a"),
        2: chunk(2, b"\x11"),
        3: chunk(3 if len(address) == 4 else 5, address),
        4: chunk(4 if len(address) == 4 else 6, address),
        7: chunk(7, (5060).to_bytes(2, "big")),
        8: chunk(8, (5070).to_bytes(2, "big")),
        9: chunk(9, (1_700_000_000).to_bytes(4, "big")),
        10: chunk(10, (250_000).to_bytes(4, "big")),
        11: chunk(11, b"\x01"),
        12: chunk(12, (2026).to_bytes(4, "big")),
        15: chunk(15, payload),
        17: chunk(17, channel),
    }
    body = b"".join(data for kind, data in chunks.items() if kind != without) + b"".join(more)
    return b"HEP3" + (6 + len(body)).to_bytes(2, "big") + body


def heard(payload: bytes, channel: bytes = b"PJSIP/100-1") -> Hep:
    read = hep.read(packet(payload, channel=channel))
    assert isinstance(read, Hep)
    return read
