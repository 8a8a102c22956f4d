"""One session with the Asterisk manager: actions and their answers, events in order, and a watch on silence."""

from __future__ import annotations

import asyncio
import itertools
import secrets
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import cast

from controller.pbx.asterisk.frames import Frames, Headers, Message, Value, encode
from controller.pbx.asterisk.link import Delivery, LinkCounters
from controller.pbx.driver import PbxGone, PbxRefused

ACTION_TIMEOUT = 5.0
UNSENT_LIMIT = 1024 * 1024  # bytes that wait because the PBX does not read
QUICK_ACK = getattr(socket, "TCP_QUICKACK", None)  # Linux
LIST_LIMIT = 100_000  # events of one list answer

Messages = list[Message]


@dataclass(slots=True)
class _Asked:
    """An action on its way: its response, and for a list action the events up to its Complete."""

    future: asyncio.Future[tuple[Message, Messages]]
    is_list: bool
    response: Message | None = None
    items: Messages = field(default_factory=list)


class Ami(asyncio.Protocol):
    """One logged-in session; make it with `connect`. Once lost it stays lost, and everything that waits fails."""

    def __init__(self, counters: LinkCounters, on_event: Callable[[Message], None]) -> None:
        self.booted: Message | None = None  # FullyBooted: Uptime and LastReload in seconds
        self._counters = counters
        self._deliver: Delivery[Message] = Delivery(on_event, lambda message: message.event, counters)
        self._listening = False
        self._frames = Frames(counters)
        self._loop = asyncio.get_running_loop()
        self._lost: asyncio.Future[str] = self._loop.create_future()
        self._boot: asyncio.Future[None] = self._loop.create_future()
        self._transport: asyncio.Transport | None = None
        self._socket: socket.socket | None = None
        self._asked: dict[str, _Asked] = {}
        self._prefix = secrets.token_hex(4)  # no answer to an earlier connection, and no caller, can match
        self._numbers = itertools.count(1)
        self._heard = self._loop.time()
        self._watch: asyncio.Task[None] | None = None

    def listen(self) -> None:
        """Hand out events from now on. What came before is in the snapshot that the caller takes now."""
        self._listening = True

    async def action(self, action: str, *, timeout: float = ACTION_TIMEOUT, **headers: Value) -> Message:
        """Carry out one action; a sequence of values repeats its header.

        Raises PbxRefused with Asterisk's own text, PbxGone when the link is lost or the deadline passed (what
        Asterisk did is then unknown; nothing is sent again), ValueError for a header that Asterisk would misread.
        """
        response, _ = await self.ask(action, headers, timeout)
        return response

    async def list(
        self, action: str, *, timeout: float = ACTION_TIMEOUT, **headers: Value
    ) -> tuple[Message, Messages]:
        """Carry out a list action: its response and its events, without the closing one. Raises like `action`."""
        return await self.ask(action, headers, timeout, is_list=True)

    async def filter(self, criteria: Iterable[tuple[str, str]]) -> None:
        """Let only matching events through: (MatchCriteria, text), or ("", regular expression), for this session.

        MatchCriteria such as `name(Hangup)` with no text, or `name(VarSet),header(Variable),method(starts_with)`
        with one; needs Asterisk 18.24, 20.9, 21.4 or later and write class system. FullyBooted, responses and the
        events of list answers are not filtered.
        """
        for match, text in criteria:
            headers: dict[str, Value] = {"Operation": "Add"}
            if match:
                headers["MatchCriteria"] = match
            if text:
                headers["Filter"] = text
            await self.ask("Filter", headers, ACTION_TIMEOUT)

    async def lost(self) -> str:
        """Wait until the connection is lost; the reason."""
        return await asyncio.shield(self._lost)

    async def close(self) -> None:
        self._lose("closed by us")
        if self._watch:
            await asyncio.gather(self._watch, return_exceptions=True)

    async def ask(
        self, action: str, headers: Headers, timeout: float, is_list: bool = False
    ) -> tuple[Message, Messages]:
        """`action` and `list` with the headers as a mapping: for names that are no Python word."""
        action_id = f"{self._prefix}-{next(self._numbers)}"
        data = encode(action, action_id, headers)
        if self._lost.done() or self._transport is None:
            raise PbxGone(self._lost.result() if self._lost.done() else "not connected")
        if self._transport.get_write_buffer_size() > UNSENT_LIMIT:
            raise PbxGone(f"{action} was not sent: the PBX does not read")
        asked = self._asked[action_id] = _Asked(self._loop.create_future(), is_list)
        deadline = self._loop.call_later(timeout, _fail, asked, f"no answer to {action} within {timeout:g} s")
        self._transport.write(data)
        try:
            return await asked.future
        finally:
            deadline.cancel()
            del self._asked[action_id]

    # what the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._socket = transport.get_extra_info("socket")
        self._acknowledge()

    def _acknowledge(self) -> None:
        """At once, not with our next packet: Asterisk sends an event in pieces, and its kernel keeps the later ones
        back until the earlier one is acknowledged (Nagle), which a quiet reader does after 40 ms. Linux forgets the
        option as it likes (tcp(7)), so it is set with every read."""
        if QUICK_ACK is not None and self._socket is not None:
            with suppress(OSError):
                self._socket.setsockopt(socket.IPPROTO_TCP, QUICK_ACK, 1)

    def data_received(self, data: bytes) -> None:
        self._acknowledge()
        messages = self._frames.feed(data)
        if messages:  # half a frame proves nothing: a peer that drips bytes is as good as silent
            self._heard = self._loop.time()
        for message in messages:
            if name := message.event:
                self._hear_event(name, message)
            elif message.response:
                self._hear_response(message)
            else:
                self._counters.malformed += 1

    def connection_lost(self, exc: Exception | None) -> None:
        self._lose(f"connection lost: {exc}" if exc else "the PBX closed the connection")

    # what was heard

    def _hear_response(self, message: Message) -> None:
        asked = self._asked.get(message.get("ActionID"))
        if asked is None or asked.response is not None or asked.future.done():
            self._counters.unknown += 1
            return
        asked.response = message
        if message.response.lower() == "error":
            asked.future.set_exception(PbxRefused(message.get("Message") or "refused without a reason"))
        elif not (asked.is_list and message.get("EventList").lower() == "start"):
            asked.future.set_result((message, []))

    def _hear_event(self, name: str, message: Message) -> None:
        asked = self._asked.get(message.get("ActionID")) if self._asked else None
        if asked is not None and asked.is_list and asked.response is not None and not asked.future.done():
            self._collect(asked, asked.response, message)
            return
        if name == "FullyBooted":
            self.booted = message
            if not self._boot.done():
                self._boot.set_result(None)
        if self._listening:
            self._deliver(message)

    def _collect(self, asked: _Asked, response: Message, message: Message) -> None:
        if message.get("EventList").lower() == "complete":
            asked.future.set_result((response, asked.items))
        elif "EventList" in message:
            asked.future.set_exception(PbxRefused(f"list ended: {message.get('EventList')}"))
        elif len(asked.items) >= LIST_LIMIT:
            self._counters.oversized += 1
            _fail(asked, f"the list is longer than {LIST_LIMIT} events")
        else:
            asked.items.append(message)

    def _lose(self, reason: str) -> None:
        """The one end: everything that waits fails now and is never sent again."""
        if self._lost.done():
            return
        self._lost.set_result(reason)
        for asked in self._asked.values():
            _fail(asked, reason)
        if self._watch and self._watch is not asyncio.current_task():
            self._watch.cancel()
        if self._transport:
            self._transport.abort()

    def keep_watch(self, every: float) -> None:
        """Look every so many seconds whether the other end still speaks; a dead one is lost within thrice that."""
        self._watch = self._loop.create_task(self._ping(every))

    async def _ping(self, every: float) -> None:
        """A silent link is asked for a sign of life: TCP alone notices a vanished peer only after minutes."""
        while True:
            await asyncio.sleep(every)
            if self._loop.time() - self._heard < every:
                continue
            try:
                await self.action("Ping", timeout=every)
            except PbxRefused:
                continue  # also a sign of life
            except PbxGone:
                self._lose(f"silent for {self._loop.time() - self._heard:.1f} s")
                return

    async def wait_for_boot(self) -> None:
        """Until FullyBooted: before it, Asterisk answers but has no channels and half its modules."""
        await asyncio.wait((self._boot, self._lost), return_when=asyncio.FIRST_COMPLETED)
        if self._lost.done():
            raise PbxGone(self._lost.result())


def _fail(asked: _Asked, reason: str) -> None:
    if not asked.future.done():
        asked.future.set_exception(PbxGone(reason))
