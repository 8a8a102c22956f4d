"""One ARI websocket: events in order, requests and their answers, over HTTP where the server is too old."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import secrets
from collections.abc import Callable, Sequence
from typing import Any

import aiohttp

from controller.pbx.asterisk.link import Delivery, LinkCounters
from controller.pbx.asterisk.rest import Answer, AriAccess, Event, Query, decode, loosely, refusal, request, target
from controller.pbx.driver import PbxGone, PbxRefused

REQUEST_TIMEOUT = 5.0
PROBE_TIMEOUT = 1.0
MESSAGE_LIMIT = 16 * 1024 * 1024
ALWAYS = ("RESTResponse", "ApplicationReplaced")
"""Never filtered away: the event filter of 22.10.1 also drops answers to requests over the websocket, and the notice
that somebody else took our name."""

log = logging.getLogger(__name__)


class AriRefused(PbxRefused):
    """The request was answered with an error; `status` is the HTTP status: 404 gone, 409 not now, 422 wrong, …"""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status} {text}")
        self.status = status


class Replaced(Exception):
    """Another client took our application's name: it leads now, and we must not take it back."""


class Ari:
    """One websocket; make it with `connect`. Once lost it stays lost, and everything that waits fails."""

    def __init__(
        self,
        access: AriAccess,
        session: aiohttp.ClientSession,
        socket: aiohttp.ClientWebSocketResponse,
        on_event: Callable[[Event], None],
        counters: LinkCounters,
    ) -> None:
        self.over_websocket = True  # False: this Asterisk is too old for it, requests go over HTTP
        self._access, self._session, self._socket = access, session, socket
        self._counters = counters
        self._deliver: Delivery[Event] = Delivery(on_event, lambda event: event.type, counters)
        self._listening = False
        loop = asyncio.get_running_loop()
        self._lost: asyncio.Future[str] = loop.create_future()
        self._asked: dict[str, asyncio.Future[Answer]] = {}
        self._prefix = secrets.token_hex(4)
        self._numbers = itertools.count(1)
        self._replaced = False
        self._reader = loop.create_task(self._read())

    def listen(self) -> None:
        """Hand out events from now on. What came before is in the snapshot that the caller takes now."""
        self._listening = True

    async def request(
        self,
        method: str,
        *path: str,
        query: Query | None = None,
        body: Any = None,
        timeout: float = REQUEST_TIMEOUT,
    ) -> Any:
        """Ask and return decoded JSON, or None: `await ari.request("POST", "channels", id, "snoop", query={…})`.

        Each of `path` is one segment and is quoted, so that an id with a slash stays an id. Raises AriRefused with
        the status and Asterisk's text, PbxGone when the link is lost or the deadline passed (what Asterisk did is
        then unknown; nothing is sent again), ValueError for a path that would mean something else.
        """
        uri = target(path, query)
        if self._lost.done():
            raise PbxGone(self._lost.result())
        ask = self._over_websocket if self.over_websocket else self._over_http
        try:
            async with asyncio.timeout(timeout):
                answer = await ask(method, uri, body)
        except TimeoutError:
            raise PbxGone(f"no answer to {method} {path[0]} within {timeout:g} s") from None
        if answer.status >= 400:
            raise AriRefused(answer.status, refusal(answer))
        return answer.body

    async def only(self, events: Sequence[str]) -> None:
        """Let only events of these types through. Asterisk forgets it with the connection."""
        allowed = {"allowed": [{"type": name} for name in (*events, *ALWAYS)]}
        await self.request("PUT", "applications", self._access.app, "eventFilter", body=allowed)

    async def hear_of(self, sources: Sequence[str]) -> None:
        """Subscribe: `channel:` is every channel, `channel:1763.5` that one. Forgotten with the connection."""
        query = {"eventSource": ",".join(sources)}
        await self.request("POST", "applications", self._access.app, "subscription", query=query)

    async def probe(self) -> None:
        """Find out whether this Asterisk takes requests over the websocket: an old one does not answer there."""
        try:
            await self.request("GET", "asterisk", "ping", timeout=PROBE_TIMEOUT)
        except PbxGone:
            if self._lost.done():
                raise
            log.info("no REST over the websocket here: requests go over HTTP")
            self.over_websocket = False
            await self.request("GET", "asterisk", "ping")

    async def lost(self) -> str:
        """Wait until the connection is lost; the reason. Raises Replaced if another client has our name."""
        reason = await asyncio.shield(self._lost)
        if self._replaced:
            raise Replaced(reason)
        return reason

    async def close(self) -> None:
        self._lose("closed by us")
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        await self._session.close()  # takes the socket with it; a dead peer would not answer a polite close

    async def _over_websocket(self, method: str, uri: str, body: Any) -> Answer:
        request_id = f"{self._prefix}-{next(self._numbers)}"
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._asked[request_id] = future
        try:
            await self._socket.send_str(request(request_id, method, uri, body))
            return await future
        except (aiohttp.ClientError, ConnectionError) as error:
            raise PbxGone(f"connection lost: {error or type(error).__name__}") from None
        finally:
            del self._asked[request_id]

    async def _over_http(self, method: str, uri: str, body: Any) -> Answer:
        headers = self._access.headers() | {"Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        try:
            async with self._session.request(
                method,
                self._access.at(uri),
                headers=headers,
                data=data,
                ssl=self._access.tls,
                allow_redirects=False,  # a redirect would carry our password elsewhere
            ) as response:
                text = await self._take(response)
        except (aiohttp.ClientError, ConnectionError) as error:
            raise PbxGone(f"{method} failed: {type(error).__name__}") from None  # its text may hold our headers
        return Answer("", response.status, response.reason or "", loosely(text))

    async def _take(self, response: aiohttp.ClientResponse) -> str:
        taken = bytearray()
        async for chunk in response.content.iter_any():
            taken += chunk
            if len(taken) > MESSAGE_LIMIT:
                self._counters.oversized += 1
                raise PbxGone("the answer is too large")
        return taken.decode("utf-8", "surrogateescape")

    async def _read(self) -> None:
        """The one reader: ends with the connection."""
        while True:
            message = await self._socket.receive()
            if message.type is aiohttp.WSMsgType.TEXT:
                self._hear(message.data)
            elif message.type is aiohttp.WSMsgType.BINARY:
                self._counters.malformed += 1
            else:
                break
            if self._lost.done():
                return
        code = self._socket.close_code
        self._counters.oversized += code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG
        silent = isinstance(self._socket.exception(), aiohttp.ServerTimeoutError)
        self._lose("no answer to a websocket ping" if silent else f"the websocket ended with code {code}")

    def _hear(self, text: str) -> None:
        heard = decode(text)
        if isinstance(heard, Event):
            if heard.type == "ApplicationReplaced":
                self._replaced = True
                self._lose(f"application {self._access.app!r} was taken by another client")
            elif self._listening:
                self._deliver(heard)
        elif isinstance(heard, Answer):
            future = self._asked.get(heard.request_id)
            if future is None or future.done():
                self._counters.unknown += 1
            else:
                future.set_result(heard)
        else:
            self._counters.malformed += 1
            if self._counters.malformed == 1:
                log.warning("odd websocket message (%s; logged once): %.200r", heard.why, text)

    def _lose(self, reason: str) -> None:
        """The one end: everything that waits fails now and is never sent again."""
        if self._lost.done():
            return
        self._lost.set_result(reason)
        for future in self._asked.values():
            if not future.done():
                future.set_exception(PbxGone(reason))
