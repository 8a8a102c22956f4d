"""RFC 4733 telephone events: from RTP payloads to one event per key press. No clock, no socket: time is passed in."""

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

KEYS = "0123456789*#ABCD"
FLASH = 16
RATE = 8000
TURN = 1 << 32
LONGEST_SEGMENT = 0xFFFF
REMEMBERED = 16
"""Finished events per source of which late and repeated packets are still recognised."""


class Report(NamedTuple):
    """One 4-byte block of a payload (RFC 4733, 2.3)."""

    event: int
    end: bool
    volume_dbm0: int
    duration: int
    """In timestamp units, counted from the packet's timestamp."""


class Malformed(ValueError):
    """The payload is not a row of 4-byte reports."""


def parse(payload: bytes) -> list[Report]:
    """The reports of one payload, usually one; several stand for contiguous events (RFC 4733, 2.5.1.5)."""
    if not payload or len(payload) % 4:
        raise Malformed(f"a telephone-event payload has 4 bytes per event, not {len(payload)} in all")
    return [
        Report(
            event=payload[at],
            end=bool(payload[at + 1] & 0x80),
            volume_dbm0=-(payload[at + 1] & 0x3F),
            duration=payload[at + 2] << 8 | payload[at + 3],
        )
        for at in range(0, len(payload), 4)
    ]


@dataclass(frozen=True, slots=True)
class Event:
    """One whole event, a key press as a rule."""

    ssrc: int
    event: int
    timestamp: int
    """RTP timestamp of its beginning."""
    duration: int
    """In timestamp units; may exceed 16 bits, since long events come in segments."""
    volume_dbm0: int
    ended: bool
    """False if its end was never reported: packets were lost, or the next event cut it off."""

    @property
    def key(self) -> str | None:
        """The key, or None for what is no key: flash (16) and the tones of modems and fax machines."""
        return KEYS[self.event] if self.event < len(KEYS) else None

    def seconds(self, rate: int = RATE) -> float:
        return self.duration / rate


@dataclass(slots=True)
class _Sounding:
    """An event whose end has not come yet."""

    event: int
    timestamp: int
    segment: int
    volume_dbm0: int
    duration: int
    heard: float

    def whole(self, ssrc: int, ended: bool) -> Event:
        before = (self.segment - self.timestamp) % TURN
        return Event(ssrc, self.event, self.timestamp, before + self.duration, self.volume_dbm0, ended)


@dataclass(slots=True)
class _Source:
    sounding: _Sounding | None = None
    done: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))


class Assembler:
    """Makes one Event of the many packets that report it.

    The timestamp identifies an event: all its packets carry the same one, the end is sent three times, and packets
    arrive late, twice or never. An event with no news for `lost_s` is taken as ended. At most `sources` SSRCs are
    remembered; the one silent for longest goes first.
    """

    def __init__(self, lost_s: float = 0.2, sources: int = 1024) -> None:
        self.lost_s = lost_s
        self.sources = sources
        self.malformed = 0
        self.repeated = 0
        self.late = 0
        self.forgotten = 0
        self._sources: dict[int, _Source] = {}

    def packet(self, ssrc: int, timestamp: int, payload: bytes, at: float) -> list[Event]:
        """Take one RTP packet's SSRC, timestamp and payload, heard at `at` seconds; give what ended with it."""
        try:
            reports = parse(payload)
        except Malformed:
            self.malformed += 1
            return []
        source = self._source(ssrc)
        ended: list[Event] = []
        for report in reports:
            ended += self._report(ssrc, source, report, timestamp, at)
            timestamp = (timestamp + report.duration) % TURN
        return ended

    def tick(self, at: float) -> list[Event]:
        """Give the events that have had no news for too long; call it now and then."""
        silent = [
            (ssrc, source)
            for ssrc, source in self._sources.items()
            if source.sounding and at - source.sounding.heard >= self.lost_s
        ]
        return [event for ssrc, source in silent for event in self._finish(ssrc, source, ended=False)]

    def _source(self, ssrc: int) -> _Source:
        source = self._sources.pop(ssrc, None)
        if source is None:
            source = _Source()
            if len(self._sources) >= self.sources:
                del self._sources[next(iter(self._sources))]
                self.forgotten += 1
        self._sources[ssrc] = source
        return source

    def _report(self, ssrc: int, source: _Source, report: Report, timestamp: int, at: float) -> list[Event]:
        if (timestamp, report.event) in source.done:
            self.repeated += 1
            return []
        ended: list[Event] = []
        now = source.sounding
        if now and now.event == report.event and timestamp == (now.segment + LONGEST_SEGMENT) % TURN:
            # RFC 4733, 2.5.1.3: what lasts longer than 16 bits can say goes on under a new timestamp.
            source.done.append((now.segment, now.event))
            now.segment, now.duration = timestamp, 0
        elif now and (now.event, now.segment) != (report.event, timestamp):
            if (timestamp - now.segment) % TURN >= TURN // 2:
                return self._missed(ssrc, source, report, timestamp)
            ended = self._finish(ssrc, source, ended=False)
            now = None
        if now is None:
            now = _Sounding(report.event, timestamp, timestamp, report.volume_dbm0, 0, at)
            source.sounding = now
        now.duration, now.heard = max(now.duration, report.duration), at
        return ended + (self._finish(ssrc, source, ended=True) if report.end else [])

    def _missed(self, ssrc: int, source: _Source, report: Report, timestamp: int) -> list[Event]:
        """A packet older than the event now sounding: only an end still tells of an event never heard of."""
        self.late += 1
        if not report.end:
            return []
        source.done.append((timestamp, report.event))
        return [Event(ssrc, report.event, timestamp, report.duration, report.volume_dbm0, True)]

    def _finish(self, ssrc: int, source: _Source, ended: bool) -> list[Event]:
        now, source.sounding = source.sounding, None
        if now is None:
            return []
        source.done.append((now.segment, now.event))
        return [now.whole(ssrc, ended)]
