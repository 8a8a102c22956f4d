"""The Asterisk Manager Interface: connect and log in, and a link that keeps a session up."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

from controller.pbx.asterisk.frames import Headers, Message, Value
from controller.pbx.asterisk.link import BACKOFF, Backoff, Kept, LinkCounters
from controller.pbx.asterisk.session import ACTION_TIMEOUT, Ami, Messages
from controller.pbx.driver import PbxGone, PbxRefused

__all__ = ["Ami", "AmiAccess", "AmiLink", "Message", "connect"]

CONNECT_TIMEOUT = 10.0
PING_EVERY = 5.0
EVENTS = "system,call,agent,user,dtmf,dialplan"
"""Classes of events: system has FullyBooted, agent the queues, dialplan VarSet."""
BOOT_CLASSES = {"system", "all", "on"}


@dataclass(frozen=True, slots=True)
class AmiAccess:
    """Where the manager interface is and who we are there. `tls`: a context, or None for plain TCP."""

    host: str
    port: int
    username: str
    secret: str = field(repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)


async def log_in(ami: Ami, access: AmiAccess, events: str) -> None:
    """By MD5 challenge; in plain only where the server does not offer one. Raises PbxRefused, PbxGone."""
    try:
        challenge = (await ami.action("Challenge", timeout=CONNECT_TIMEOUT, AuthType="MD5")).get("Challenge")
    except PbxRefused:
        proof = {"Secret": access.secret}
    else:
        digest = hashlib.md5((challenge + access.secret).encode(), usedforsecurity=False)
        proof = {"AuthType": "MD5", "Key": digest.hexdigest()}
    headers: Headers = {"Username": access.username, "Events": events, **proof}
    try:
        await ami.ask("Login", headers, CONNECT_TIMEOUT)
    except PbxRefused as error:
        raise PbxRefused(f"manager login of {access.username!r}: {error}") from None


async def connect(
    access: AmiAccess,
    on_event: Callable[[Message], None],
    *,
    events: str = EVENTS,
    timeout: float = CONNECT_TIMEOUT,
    ping_every: float = PING_EVERY,
    counters: LinkCounters | None = None,
) -> Ami:
    """Connect, log in and wait until Asterisk has started. `listen` then lets events through to `on_event`.

    `events` is the manager's EventMask: classes by comma, or "off". FullyBooted needs class system in it (and in the
    user's `read`); without it there is no waiting. Raises PbxRefused for a login that is refused, PbxGone otherwise.
    """
    where = f"manager at {access.host}:{access.port}"
    late = "no answer to the login"
    ami = Ami(counters or LinkCounters(), on_event)
    try:
        async with asyncio.timeout(timeout):
            loop = asyncio.get_running_loop()
            await loop.create_connection(lambda: ami, access.host, access.port, ssl=access.tls)
            await log_in(ami, access, events)
            if BOOT_CLASSES.intersection(events.split(",")):
                late = "no FullyBooted: still starting, or the manager user lacks read = system"
                await ami.wait_for_boot()
    except BaseException as error:
        await ami.close()
        if isinstance(error, TimeoutError):
            raise PbxGone(f"{where}: {late}") from None
        if isinstance(error, OSError | PbxGone):
            raise PbxGone(f"{where}: {error}") from None
        raise
    ami.keep_watch(ping_every)
    return ami


class AmiLink:
    """A supervised session: `run` keeps it up, the rest uses it while it is up and raises PbxGone while it is not."""

    def __init__(
        self,
        access: AmiAccess,
        *,
        on_event: Callable[[Message], None],
        on_up: Callable[[], None],
        on_down: Callable[[str], None],
        prepare: Callable[[Ami], Awaitable[None]] | None = None,
        events: str = EVENTS,
        ping_every: float = PING_EVERY,
        backoff: Backoff = BACKOFF,
    ) -> None:
        """`prepare` runs after each login and before `on_up`: filters go there. Events come only after `on_up`."""
        self.counters = LinkCounters()
        made = partial(connect, access, on_event, events=events, ping_every=ping_every, counters=self.counters)
        self._kept, self._backoff = Kept(made, prepare, on_up, on_down), backoff

    @property
    def booted(self) -> Message | None:
        """FullyBooted of the present session: an Uptime below the last one means that Asterisk was restarted."""
        return self._kept.present.booted if self._kept.present else None

    async def run(self) -> None:
        """Stay connected until cancelled."""
        await self._kept.run(self._backoff, self.counters)

    async def action(self, action: str, *, timeout: float = ACTION_TIMEOUT, **headers: Value) -> Message:
        """See Ami.action. Fails at once while the link is down: no action waits for a reconnect."""
        return await self._kept.now.action(action, timeout=timeout, **headers)

    async def list(
        self, action: str, *, timeout: float = ACTION_TIMEOUT, **headers: Value
    ) -> tuple[Message, Messages]:
        """See Ami.list."""
        return await self._kept.now.list(action, timeout=timeout, **headers)
