"""RTP of the lab's phones: sent on a schedule that does not drift, heard with the time of every packet.

All lines live in one thread, so that a busy event loop does not disturb the pace of a call (RFC 3550, RFC 4733).
"""

from __future__ import annotations

import heapq
import itertools
import random
import select
import socket
import struct
import threading
import time
from collections import deque
from dataclasses import dataclass

import numpy as np

from controller.lab.sounds import RATE, Samples, from_ulaw, to_ulaw

FRAME = 160
"""Samples per packet: 20 ms at 8 kHz."""
PERIOD = FRAME / RATE
PCMU, EVENT = 0, 101
SILENT = b"\xff" * FRAME
DIGITS = "0123456789*#ABCD"


@dataclass(frozen=True, slots=True)
class Audio:
    """Audio in frames of 20 ms: `samples` int16 at 8 kHz; `times` the wall clock of each frame's packet."""

    samples: Samples
    times: tuple[float, ...]

    @property
    def seconds(self) -> float:
        return len(self.samples) / RATE

    def since(self, moment: float) -> Audio:
        """What came at or after this wall-clock time."""
        first = next((n for n, at in enumerate(self.times) if at >= moment), len(self.times))
        return Audio(self.samples[first * FRAME :], self.times[first:])


class Line:
    """One RTP session on a UDP socket. Change what it sends at any time; all methods are safe from any thread."""

    def __init__(self, host: str) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.socket.setblocking(False)
        self.host = host
        self.port = int(self.socket.getsockname()[1])
        self.remote: tuple[str, int] | None = None
        self.sending = True
        """False: no packets at all (not even silence), as a phone on hold or with a broken network."""
        self.sequence = random.randrange(0x4000)  # noqa: S311
        """The next packet's number; set it back to make a recorder deaf (asterisk.md, hazard 1)."""
        self.timestamp = random.randrange(1 << 31)  # noqa: S311
        self.ssrc = random.randrange(1 << 32)  # noqa: S311
        self.digits_heard: list[tuple[float, str]] = []
        self.packets_lost = 0
        self.due = 0.0
        self.open = True
        self._source: bytes = b""
        self._position = 0
        self._loop = False
        self._events: deque[tuple[int, int]] = deque()
        self._event_age = 0
        self._heard: list[tuple[float, bytes]] = []
        self._sent: list[tuple[float, bytes]] = []
        self._last_event = -1
        self._expected: int | None = None

    def say(self, samples: Samples, *, loop: bool = False) -> None:
        """Send this from the next packet on, once (then silence) or again and again."""
        source = to_ulaw(samples)
        self._source, self._position, self._loop = source + SILENT[: -len(source) % FRAME], 0, loop

    def dial(self, digits: str, milliseconds: int = 160) -> None:
        """Send RFC 4733 events; audio is left out meanwhile, as phones do."""
        frames = max(1, milliseconds // 20)
        self._events.extend((DIGITS.index(digit), frames) for digit in digits.upper())

    @property
    def dialling(self) -> bool:
        return bool(self._events)

    def heard(self) -> Audio:
        """Everything that came in, in order of arrival."""
        return _audio(self._heard)

    def sent(self) -> Audio:
        """Everything that went out."""
        return _audio(self._sent)

    def close(self) -> None:
        self.open = False
        MEDIA.wake()

    # -- called by the media thread only -----------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Send what is due: one packet of audio, or of the digit being pressed."""
        remote = self.remote
        if remote is None or not self.sending:
            self.timestamp += FRAME
            return
        frame = self._next_frame()
        if self._events:
            self._send_event(remote)
        else:
            self._send(remote, PCMU, self.timestamp, frame)
            self._sent.append((now, frame))
        self.timestamp += FRAME

    def _next_frame(self) -> bytes:
        source, position = self._source, self._position
        if position >= len(source):
            return SILENT
        following = position + FRAME
        self._position = 0 if self._loop and following >= len(source) else following
        return source[position:following]

    def _send_event(self, remote: tuple[str, int]) -> None:
        digit, frames = self._events[0]
        start = (self.timestamp - self._event_age * FRAME) & 0xFFFFFFFF
        self._event_age += 1
        last = self._event_age >= frames
        payload = struct.pack("!BBH", digit, (0x80 if last else 0) | 10, self._event_age * FRAME)
        for _ in range(3 if last else 1):
            self._send(remote, EVENT, start, payload, marker=self._event_age == 1)
        if last:
            self._events.popleft()
            self._event_age = 0

    def _send(self, remote: tuple[str, int], kind: int, timestamp: int, payload: bytes, marker: bool = False) -> None:
        head = struct.pack(
            "!BBHII",
            0x80,
            kind | (0x80 if marker else 0),
            self.sequence & 0xFFFF,
            timestamp & 0xFFFFFFFF,
            self.ssrc,
        )
        self.sequence += 1
        try:
            self.socket.sendto(head + payload, remote)
        except OSError:
            self.packets_lost += 1

    def receive(self, now: float) -> None:
        """Take in whatever has arrived."""
        while True:
            try:
                packet = self.socket.recv(2048)
            except OSError:
                return
            if len(packet) < 12 or packet[0] >> 6 != 2:
                continue
            kind, payload = packet[1] & 0x7F, packet[12 + 4 * (packet[0] & 15) :]
            if kind == PCMU:
                self._heard.append((now, payload))
            elif kind == EVENT and len(payload) >= 4:
                start = int.from_bytes(packet[4:8], "big")
                if start != self._last_event:
                    self._last_event = start
                    self.digits_heard.append((now, DIGITS[payload[0] & 15]))


def _audio(packets: list[tuple[float, bytes]]) -> Audio:
    packets = packets[:]
    samples = from_ulaw(b"".join(payload for _, payload in packets)) if packets else np.zeros(0, np.int16)
    # Packets of another length (a PBX may send 10 or 30 ms) get the time of the packet they came in.
    times = itertools.chain.from_iterable([at] * (len(payload) // FRAME) for at, payload in packets)
    return Audio(samples, tuple(times))


class Media:
    """The thread that sends and receives for every line."""

    def __init__(self) -> None:
        self._new: deque[Line] = deque()
        self._thread: threading.Thread | None = None
        self._wakeup, self._waker = socket.socketpair()

    def add(self, line: Line) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="lab-media", daemon=True)
            self._thread.start()
        self._new.append(line)
        self.wake()

    def wake(self) -> None:
        self._waker.send(b".")

    def _run(self) -> None:
        poll = select.epoll()
        poll.register(self._wakeup, select.EPOLLIN)
        lines: dict[int, Line] = {}
        schedule: list[tuple[float, int]] = []
        while True:
            wait = max(0.0, schedule[0][0] - time.monotonic()) if schedule else None
            ready = poll.poll(wait)
            now = time.time()
            for descriptor, _ in ready:
                if descriptor == self._wakeup.fileno():
                    self._wakeup.recv(4096)
                elif descriptor in lines:
                    lines[descriptor].receive(now)
            while self._new:
                line = self._new.popleft()
                lines[line.socket.fileno()] = line
                poll.register(line.socket, select.EPOLLIN)
                heapq.heappush(schedule, (time.monotonic(), line.socket.fileno()))
            self._send_due(lines, schedule, poll)

    @staticmethod
    def _send_due(lines: dict[int, Line], schedule: list[tuple[float, int]], poll: select.epoll) -> None:
        while schedule and schedule[0][0] <= time.monotonic():
            due, descriptor = heapq.heappop(schedule)
            line = lines[descriptor]
            if line.open:
                line.tick(time.time())
                heapq.heappush(schedule, (due + PERIOD, descriptor))
            else:
                del lines[descriptor]
                poll.unregister(line.socket)
                line.socket.close()


MEDIA = Media()
