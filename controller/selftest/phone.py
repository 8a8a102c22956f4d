"""Two ends of a call that the PBX places to us: SIP (RFC 3261) as far as answering needs it, and tones over RTP.

Real phones to the PBX, so that what is proved includes SIP, RTP and codecs; Asterisk's internal channels would prove
neither, and Local channels never carry a recorder.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hardware.dtmf.g711 import CODES, LEVELS, Law

RATE = 8000
PACKET = 160
"""Samples in each 20 ms."""
LEVEL = 0.25
MOST_HEARD = 60 * 50
"""Packets that are kept: one minute."""
EVENTS = 101
"""The payload type of keys (RFC 4733) where the PBX offers no other."""
KEYS = "0123456789*#ABCD"
KEY_PACKETS = 8
LOUD = 256
"""What counts as a sound, of 32768: far below any speech."""
_HEADER = struct.Struct("!BBHII")

Pitch = Callable[[float], int]
"""Seconds since the two were joined -> Hz; 0 is silence."""


def own_address(host: str) -> str:
    """Our address on the way to this host. Raises OSError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        way.connect((host, 9))
        return str(way.getsockname()[0])


@dataclass(slots=True)
class _Rtp(asyncio.DatagramProtocol):
    heard: list[bytes] = field(default_factory=list)
    loud_at: float = 0.0
    transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:  # noqa: ARG002
        if len(data) > _HEADER.size and data[1] & 0x7F == 0 and len(self.heard) < MOST_HEARD:
            self.heard.append(data[_HEADER.size :])
            if np.abs(LEVELS[Law.MU][np.frombuffer(self.heard[-1], np.uint8)]).max() > LOUD:
                self.loud_at = time.monotonic()


@dataclass(slots=True)
class End:
    """One end: `uri` is where the PBX calls it, `pitch` what it says once `join` was called."""

    name: str
    address: str
    pitch: Pitch
    answered: bool = False
    hung_up: bool = False
    number: int = 0
    """Of the first packet: carriers begin anywhere, and anew when they move a call to another machine."""
    joined_at: int | None = None  # packets sent by then
    _sip_port: int = 0
    _sent: int = 0
    _phase: float = 0.0
    _to: tuple[str, int] | None = None
    _events: int = EVENTS
    _keys: list[bytes] = field(default_factory=list)  # a packet of a key for each of the next 20 ms
    _rtp: _Rtp = field(default_factory=_Rtp)

    @property
    def uri(self) -> str:
        return f"sip:{self.name}@{self.address}:{self._sip_port}"

    def join(self) -> None:
        """From now on it talks."""
        self.joined_at = self._sent

    def was_asked(self, quiet: float) -> bool:
        """Whether it heard something, and nothing for so many seconds since."""
        return 0 < self._rtp.loud_at < time.monotonic() - quiet

    def press(self, key: str) -> None:
        """Press a key of the telephone for 100 ms (RFC 4733); one at a time."""
        if self._keys:
            return
        code, level, end = KEYS.index(key), 10, 0x80
        lengths = [*range(PACKET, 6 * PACKET, PACKET), 5 * PACKET, 5 * PACKET, 5 * PACKET]
        ends = [0] * 5 + [end] * 3  # the last one three times, as the RFC asks for
        self._keys += [struct.pack("!BBH", code, level | over, n) for n, over in zip(lengths, ends, strict=True)]

    def heard(self) -> NDArray[np.int16]:
        """All that the PBX sent it, 8 kHz."""
        codes = np.frombuffer(b"".join(self._rtp.heard), np.uint8)
        return LEVELS[Law.MU][codes]

    def offered(self, sdp: str) -> str:
        """Take the PBX's offer; our answer. Raises ValueError where it has no PCMU."""
        address = re.search(r"^c=IN IP4 (\S+)", sdp, re.MULTILINE)
        media = re.search(r"^m=audio (\d+) \S+ (.*)$", sdp, re.MULTILINE)
        if address is None or media is None or "0" not in media[2].split():
            raise ValueError("no PCMU in the offer")
        self._to = (address[1], int(media[1]))
        events = re.search(r"^a=rtpmap:(\d+) telephone-event/8000", sdp, re.MULTILINE)
        self._events = int(events[1]) if events else EVENTS
        assert self._rtp.transport is not None  # noqa: S101
        port = self._rtp.transport.get_extra_info("sockname")[1]
        lines = ("v=0", f"o=- 1 1 IN IP4 {self.address}", "s=-", f"c=IN IP4 {self.address}", "t=0 0")
        keys = (f"a=rtpmap:{self._events} telephone-event/8000", f"a=fmtp:{self._events} 0-15")
        media_lines = (f"m=audio {port} RTP/AVP 0 {self._events}", "a=rtpmap:0 PCMU/8000", *keys, "a=ptime:20")
        return "".join(f"{line}\r\n" for line in (*lines, *media_lines))

    async def talk(self) -> None:
        """Send a packet every 20 ms until cancelled."""
        source, loop = secrets.randbits(32), asyncio.get_running_loop()
        began = loop.time()
        while True:
            if self._to is not None and self._rtp.transport is not None:
                self._rtp.transport.sendto(self._frame(source), self._to)
            self._sent += 1
            await asyncio.sleep(max(0.0, began + self._sent * PACKET / RATE - loop.time()))

    def _frame(self, source: int) -> bytes:
        number, at, kind = (self.number + self._sent) & 0xFFFF, self._sent * PACKET, 0
        speech = self._packet()
        if not self._keys:
            return _HEADER.pack(0x80, kind, number, at & 0xFFFFFFFF, source) + speech
        done = KEY_PACKETS - len(self._keys)  # all packets of a key have the time of its beginning
        kind = self._events | (0x80 if done == 0 else 0)
        at = (self._sent - done) * PACKET
        return _HEADER.pack(0x80, kind, number, at & 0xFFFFFFFF, source) + self._keys.pop(0)

    def _packet(self) -> bytes:
        pitch = 0 if self.joined_at is None else self.pitch((self._sent - self.joined_at) * PACKET / RATE)
        step = 2 * np.pi * pitch / RATE
        wave = np.sin(self._phase + step * np.arange(PACKET)) * (LEVEL * 32767 if pitch else 0)
        self._phase = (self._phase + step * PACKET) % (2 * np.pi)
        return bytes(CODES[Law.MU][wave.astype(np.int16).view(np.uint16)])


@dataclass(slots=True)
class _Sip(asyncio.DatagramProtocol):
    """Answers every INVITE at once; repeats its answer to a repeated one, as UDP wants it."""

    end: End
    transport: asyncio.DatagramTransport | None = None
    _answers: dict[str, bytes] = field(default_factory=dict)

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        head, _, body = data.decode(errors="replace").partition("\r\n\r\n")
        start, *lines = head.split("\r\n")
        method = start.partition(" ")[0]
        if method in ("SIP/2.0", "ACK") or self.transport is None:
            return
        branch = f"{method} {_first(lines, 'via', 'v')}"
        if branch not in self._answers:
            self._answers[branch] = self._answer(method, lines, body)
        self.transport.sendto(self._answers[branch], addr)

    def _answer(self, method: str, lines: list[str], body: str) -> bytes:
        sdp, code = "", "200 OK"
        if method == "INVITE":
            try:
                sdp = self.end.offered(body)
                self.end.answered = True
            except ValueError:
                code = "488 Not Acceptable Here"
        elif method == "BYE":
            self.end.hung_up = True
        kept = [line for line in lines if _name(line) in ("via", "v", "from", "f", "call-id", "i", "cseq")]
        to = _first(lines, "to", "t")
        tag = "" if ";tag=" in to else f";tag={self.end.name}"
        kept += [f"To: {to}{tag}", f"Contact: <{self.end.uri}>", "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS"]
        kept += ["Content-Type: application/sdp"] if sdp else []
        return "\r\n".join((f"SIP/2.0 {code}", *kept, f"Content-Length: {len(sdp)}", "", sdp)).encode()


def _name(line: str) -> str:
    return line.partition(":")[0].strip().lower()


def _first(lines: list[str], *names: str) -> str:
    return next((line.partition(":")[2].strip() for line in lines if _name(line) in names), "")


@asynccontextmanager
async def end(name: str, address: str, pitch: Pitch) -> AsyncIterator[End]:
    """An end that answers, on ports that the kernel gave. Raises OSError."""
    made = End(name, address, pitch)
    loop = asyncio.get_running_loop()
    rtp, _ = await loop.create_datagram_endpoint(lambda: made._rtp, local_addr=(address, 0))
    sip, _ = await loop.create_datagram_endpoint(lambda: _Sip(made), local_addr=(address, 0))
    made._sip_port = sip.get_extra_info("sockname")[1]
    talking = asyncio.create_task(made.talk())
    try:
        yield made
    finally:
        talking.cancel()
        await asyncio.gather(talking, return_exceptions=True)
        await asyncio.sleep(0.1)  # the answer to the last BYE
        sip.close()
        rtp.close()
