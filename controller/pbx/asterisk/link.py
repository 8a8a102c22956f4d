"""Staying connected: backoff with jitter, one notice per change, and what a link counts. For AMI and ARI alike."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from controller.pbx.driver import PbxGone, PbxRefused

T = TypeVar("T")
log = logging.getLogger(__name__)

MOST_FAULTS = 100
"""Kinds of events whose faults are told apart."""


@dataclass(slots=True)
class LinkCounters:
    """What went over a link since the process began: survives reconnects."""

    delivered: int = 0  # events handed to the callback
    failed: int = 0  # events whose callback raised: a fault of ours
    dropped: int = 0  # events that found the backlog full
    malformed: int = 0  # lines or messages that are not what the protocol says
    oversized: int = 0  # frames beyond the size limit
    unknown: int = 0  # answers to nothing that we asked, or that came after the deadline
    connects: int = 0
    losses: int = 0


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before the next attempt: doubles up to `cap`, less up to a half at random, in seconds.

    A link that lasted `settled` seconds starts again from `first`; a PBX that accepts and drops us at once does not.
    """

    first: float = 0.25
    cap: float = 5.0
    settled: float = 10.0

    def delay(self, failures: int) -> float:
        longest = min(self.cap, self.first * 2.0 ** min(failures, 30))
        return longest * secrets.SystemRandom().uniform(0.5, 1.0)


BACKOFF = Backoff()


class Connection(Protocol):
    """One connection, logged in and ready; it hands out events only after `listen`."""

    def listen(self) -> None: ...
    async def lost(self) -> str: ...
    async def close(self) -> None: ...


C = TypeVar("C", bound=Connection)


async def stay_connected(
    open_: Callable[[], Awaitable[C]],
    on_up: Callable[[C], None],
    on_down: Callable[[str], None],
    backoff: Backoff,
    counters: LinkCounters,
) -> None:
    """Connect again and again until cancelled; never replays anything.

    `on_up` comes before the first event of a connection. `on_down` comes once per loss, and while the PBX cannot be
    reached once per new reason. Whatever `open_` or `lost` raises beside PbxRefused and PbxGone ends it.
    """
    failures, told = 0, ""
    while True:
        began = asyncio.get_running_loop().time()
        try:
            connection = await open_()
        except (PbxRefused, PbxGone) as error:
            reason = str(error)
        else:
            told = ""
            counters.connects += 1
            try:
                on_up(connection)
                connection.listen()
                reason = await connection.lost()
            finally:
                counters.losses += 1
                await connection.close()
            if asyncio.get_running_loop().time() - began >= backoff.settled:
                failures = 0
        if reason != told:
            log.warning("link down: %s", reason)
            on_down(reason)
            told = reason
        await asyncio.sleep(backoff.delay(failures))
        failures += 1


class Kept(Generic[C]):
    """A connection that is kept up by `run`; whoever uses it meanwhile gets the present one, or PbxGone.

    `prepare` runs on each new connection before `on_up`.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[C]],
        prepare: Callable[[C], Awaitable[None]] | None,
        on_up: Callable[[], None],
        on_down: Callable[[str], None],
    ) -> None:
        self._connect, self._prepare, self._on_up, self._on_down = connect, prepare, on_up, on_down
        self._why = "not connected yet"
        self.present: C | None = None

    @property
    def now(self) -> C:
        """Raises PbxGone while the link is down: nothing waits for a reconnect."""
        if self.present is None:
            raise PbxGone(self._why)
        return self.present

    async def run(self, backoff: Backoff, counters: LinkCounters) -> None:
        """Stay connected until cancelled; see stay_connected."""
        await stay_connected(self._open, self._up, self.down, backoff, counters)

    def down(self, reason: str) -> None:
        self.present, self._why = None, reason
        self._on_down(reason)

    async def _open(self) -> C:
        connection = await self._connect()
        try:
            if self._prepare:
                await self._prepare(connection)
        except BaseException:
            await connection.close()
            raise
        return connection

    def _up(self, connection: C) -> None:
        self.present = connection
        self._on_up()


class Delivery(Generic[T]):
    """Hands each event to `on_event`; where that fails, the link goes on and the fault is logged once per kind."""

    def __init__(self, on_event: Callable[[T], None], kind: Callable[[T], str], counters: LinkCounters) -> None:
        self._on_event, self._kind, self._counters = on_event, kind, counters
        self._faults: set[str] = set()

    def __call__(self, event: T) -> None:
        try:
            self._on_event(event)
        except Exception:
            self._counters.failed += 1
            kind = self._kind(event)
            if kind not in self._faults and len(self._faults) < MOST_FAULTS:
                self._faults.add(kind)
                log.exception("event %s: our handler failed (logged once per event)", kind)
        else:
            self._counters.delivered += 1


class Backlog(Generic[T]):
    """A bounded queue for a reader that must await between events: pass `put` as the callback, then `async for`.

    What does not fit is dropped and counted: the reader's picture is then incomplete until the next snapshot.
    """

    def __init__(self, limit: int, counters: LinkCounters) -> None:
        self._queue: asyncio.Queue[T] = asyncio.Queue(limit)
        self._counters = counters

    def put(self, item: T) -> None:
        try:
            self._queue.put_nowait(item)
        except asyncio.QueueFull:
            self._counters.dropped += 1

    async def __aiter__(self) -> AsyncIterator[T]:
        while True:
            yield await self._queue.get()
