"""The Asterisk REST Interface: connect and subscribe, and a link that keeps the websocket up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import aiohttp

from controller.pbx.asterisk.link import BACKOFF, Backoff, Kept, LinkCounters
from controller.pbx.asterisk.rest import AriAccess, Event, Query, target
from controller.pbx.asterisk.websocket import MESSAGE_LIMIT, REQUEST_TIMEOUT, Ari, AriRefused, Replaced
from controller.pbx.driver import PbxGone

__all__ = ["Ari", "AriAccess", "AriLink", "AriRefused", "Event", "Replaced", "connect"]

CONNECT_TIMEOUT = 10.0
CLOSE_TIMEOUT = 1.0  # for the peer's farewell
PING_EVERY = 5.0
SOURCES = ("channel:", "bridge:")
"""All channels and all bridges. Not subscribeAll: with it, news of an endpoint that is under way when the websocket
goes finds its application destroyed, and Asterisk crashes (22.10.1; tests/live/test_driver_witness.py)."""


async def connect(
    access: AriAccess,
    on_event: Callable[[Event], None],
    *,
    events: Sequence[str] | None = None,
    timeout: float = CONNECT_TIMEOUT,
    ping_every: float = PING_EVERY,
    counters: LinkCounters | None = None,
) -> Ari:
    """Open the websocket, subscribed to every channel and bridge, and ask for `events` only (None: all of them).

    `listen` then lets them through to `on_event`. A peer that does not answer a websocket ping within half of
    `ping_every` is lost. Raises AriRefused (401: wrong password), PbxGone otherwise.
    """
    session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None), trust_env=False)
    ari: Ari | None = None
    try:
        async with asyncio.timeout(timeout):
            socket = await session.ws_connect(
                access.at(target(("events",), {"app": access.app})),
                headers=access.headers(),
                ssl=access.tls,
                heartbeat=ping_every,
                timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_TIMEOUT),
                max_msg_size=MESSAGE_LIMIT,
            )
            ari = Ari(access, session, socket, on_event, counters or LinkCounters())
            await ari.probe()
            await ari.hear_of(SOURCES)
            if events is not None:
                await ari.only(events)
    except BaseException as error:
        await (ari or session).close()
        raise _told(access.url, error) from None
    return ari


def _told(url: str, error: BaseException) -> BaseException:
    """The same failure in our words: the text of an aiohttp error can hold the request's Authorization header."""
    if isinstance(error, aiohttp.WSServerHandshakeError):
        return AriRefused(error.status, f"ARI at {url} refused the websocket")
    if isinstance(error, TimeoutError):
        return PbxGone(f"ARI at {url}: no answer")
    if isinstance(error, aiohttp.ClientError | OSError):
        return PbxGone(f"ARI at {url}: {getattr(error, 'strerror', None) or type(error).__name__}")
    return error


class AriLink:
    """A supervised websocket: `run` keeps it up, `request` uses it while it is up and raises PbxGone otherwise."""

    def __init__(
        self,
        access: AriAccess,
        *,
        on_event: Callable[[Event], None],
        on_up: Callable[[], None],
        on_down: Callable[[str], None],
        on_replaced: Callable[[], None],
        events: Sequence[str] | None = None,
        prepare: Callable[[Ari], Awaitable[None]] | None = None,
        ping_every: float = PING_EVERY,
        backoff: Backoff = BACKOFF,
    ) -> None:
        """`prepare` runs after each connect and before `on_up`. Events come only after `on_up`."""
        self.counters = LinkCounters()
        made = partial(connect, access, on_event, events=events, ping_every=ping_every, counters=self.counters)
        self._kept, self._backoff, self._on_replaced = Kept(made, prepare, on_up, on_down), backoff, on_replaced

    async def run(self) -> None:
        """Stay connected until cancelled, or until another client takes our application: then return."""
        try:
            await self._kept.run(self._backoff, self.counters)
        except Replaced as error:
            self._kept.down(str(error))
            self._on_replaced()

    async def request(
        self,
        method: str,
        *path: str,
        query: Query | None = None,
        body: Any = None,
        timeout: float = REQUEST_TIMEOUT,
    ) -> Any:
        """See Ari.request. Fails at once while the link is down: no request waits for a reconnect."""
        return await self._kept.now.request(method, *path, query=query, body=body, timeout=timeout)
