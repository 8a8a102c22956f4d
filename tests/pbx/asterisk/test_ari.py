"""An ARI websocket against a scripted server on a real socket."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import WSMsgType, web

from controller.pbx.asterisk.ari import Ari, AriAccess, AriLink, AriRefused, Event, Replaced, connect
from controller.pbx.asterisk.link import Backoff, LinkCounters
from controller.pbx.asterisk.websocket import MESSAGE_LIMIT
from controller.pbx.driver import PbxGone
from tests.pbx.asterisk.scripted import SECRET, until

QUICK = Backoff(first=0.01, cap=0.05)
BASIC = "Basic " + base64.b64encode(f"onrecord:{SECRET}".encode()).decode()
Asked = dict[str, Any]


class Server:
    """Answers 200 with `{}` unless `on[first path segment]` says otherwise; None there means: say nothing.

    `before` is said before each answer.
    """

    def __init__(self) -> None:
        self.access = AriAccess("http://127.0.0.1:0", "onrecord", SECRET, "onrecord")
        self.sockets: list[web.WebSocketResponse] = []
        self.upgrades: list[web.Request] = []
        self.over_http: list[web.Request] = []
        self.asked: list[Asked] = []
        self.on: dict[str, tuple[int, object] | None] = {}
        self.before: list[object] = []
        self.takes_requests = True

    @property
    def socket(self) -> web.WebSocketResponse:
        return self.sockets[-1]

    async def events(self, http: web.Request) -> web.StreamResponse:
        self.upgrades.append(http)
        if http.headers.get("Authorization") != BASIC:
            return web.Response(status=401)
        socket = web.WebSocketResponse()
        await socket.prepare(http)
        self.sockets.append(socket)
        async for message in socket:
            if message.type is WSMsgType.TEXT and self.takes_requests:
                await self._take(socket, json.loads(message.data))
        return socket

    async def _take(self, socket: web.WebSocketResponse, asked: Asked) -> None:
        self.asked.append(asked)
        for word in self.before:
            await socket.send_json(word)
        if (reply := self.on.get(asked["uri"].split("/")[0], (200, {}))) is not None:
            await self.answer(socket, asked, *reply)

    async def answer(self, socket: web.WebSocketResponse, asked: Asked, status: int, body: object) -> None:
        answer = {"type": "RESTResponse", "request_id": asked["request_id"], "status_code": status}
        await socket.send_json(answer | {"reason_phrase": "-", "message_body": json.dumps(body)})

    async def rest(self, http: web.Request) -> web.StreamResponse:
        self.over_http.append(http)
        if http.path == "/ari/elsewhere":
            raise web.HTTPFound("/ari/stolen")
        if http.path == "/ari/big":
            return web.Response(body=b"x" * (MESSAGE_LIMIT + 1))
        if http.path.startswith("/ari/channels"):
            return web.json_response({"message": "Channel not found"}, status=404)
        return web.json_response({"ping": "pong"})

    def sent(self, prefix: str) -> list[Asked]:
        return [asked for asked in self.asked if asked["uri"].startswith(prefix)]


@asynccontextmanager
async def ari_server() -> AsyncIterator[Server]:
    server = Server()
    app = web.Application()
    app.router.add_get("/ari/events", server.events)
    app.router.add_route("*", "/ari/{rest:.*}", server.rest)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.access = replace(server.access, url=f"http://127.0.0.1:{runner.addresses[0][1]}")
    try:
        yield server
    finally:
        await runner.cleanup()


def ignore(event: Event) -> None:
    """Hear nothing."""


@asynccontextmanager
async def connected(
    server: Server, on_event: Callable[[Event], None] = ignore, counters: LinkCounters | None = None
) -> AsyncIterator[Ari]:
    ari = await connect(server.access, on_event, counters=counters)
    ari.listen()
    try:
        yield ari
    finally:
        await ari.close()


class Story:
    """What a link told, in order."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def up(self) -> None:
        self.told.append("up")

    def down(self, reason: str) -> None:
        self.told.append(f"down: {reason}")

    def replaced(self) -> None:
        self.told.append("replaced")

    def event(self, event: Event) -> None:
        self.told.append(event.type)


@asynccontextmanager
async def running(
    server: Server, story: Story, events: list[str] | None = None
) -> AsyncIterator[tuple[AriLink, asyncio.Task[None]]]:
    link = AriLink(
        server.access,
        on_event=story.event,
        on_up=story.up,
        on_down=story.down,
        on_replaced=story.replaced,
        events=events,
        backoff=QUICK,
    )
    task = asyncio.create_task(link.run())
    try:
        yield link, task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_it_subscribes_to_channels_and_bridges_and_proves_itself_in_a_header_only() -> None:
    async with ari_server() as server, connected(server) as ari:
        assert server.upgrades[0].path_qs == "/ari/events?app=onrecord"
        assert ari.over_websocket
        assert server.over_http == []


async def test_a_wrong_password_is_refused_and_the_error_does_not_hold_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with ari_server() as server:
        wrong = replace(server.access, password="shut-sesame")  # noqa: S106
        with pytest.raises(AriRefused, match="401") as refused:
            await connect(wrong, ignore)
    encoded = base64.b64encode(b"onrecord:shut-sesame").decode()
    told = f"{refused.value!r} {caplog.text}"
    assert "sesame" not in told
    assert encoded not in told


async def test_a_server_that_cannot_be_reached_is_gone() -> None:
    with pytest.raises(PbxGone, match="ARI at http"):
        await connect(AriAccess("http://127.0.0.1:1", "onrecord", SECRET, "onrecord"), ignore)


async def test_requests_and_their_answers_share_the_websocket() -> None:
    async with ari_server() as server, connected(server) as ari:
        server.on["channels"] = (200, [{"id": "1.1"}])
        assert await ari.request("GET", "channels") == [{"id": "1.1"}]
        await ari.request("POST", "channels", "a/../b", "variable", query={"variable": "A&B", "value": "x y+"})
        assert server.asked[-1]["uri"] == "channels/a%2F..%2Fb/variable?variable=A%26B&value=x%20y%2B"
        assert server.over_http == []


async def test_a_refused_request_tells_the_status_and_the_words() -> None:
    async with ari_server() as server, connected(server) as ari:
        server.on["channels"] = (409, {"message": "Channel not in Stasis application"})
        with pytest.raises(AriRefused, match="409 Channel not in Stasis") as refused:
            await ari.request("POST", "channels", "1.1", "play", body={"media": "tone:record"})
        assert refused.value.status == 409


async def test_answers_in_another_order_reach_their_own_requests() -> None:
    async with ari_server() as server, connected(server) as ari:
        server.on["channels"] = None
        asking = [asyncio.create_task(ari.request("GET", "channels", f"c{n}")) for n in range(10)]
        await until(lambda: len(server.sent("channels")) == 10)
        for asked in reversed(server.sent("channels")):
            await server.answer(server.socket, asked, 200, asked["uri"])
        assert await asyncio.gather(*asking) == [f"channels/c{n}" for n in range(10)]


async def test_one_deadline_ends_a_request_and_its_late_answer_is_counted() -> None:
    counters = LinkCounters()
    async with ari_server() as server, connected(server, counters=counters) as ari:
        server.on["channels"] = None
        with pytest.raises(PbxGone, match=r"no answer to GET channels within 0\.05 s"):
            await ari.request("GET", "channels", timeout=0.05)
        await server.answer(server.socket, server.asked[-1], 200, {})
        await until(lambda: counters.unknown == 1)
        assert ari._asked == {}


async def test_odd_messages_are_counted_and_the_next_event_is_heard() -> None:
    heard: list[str] = []
    counters = LinkCounters()
    async with ari_server() as server, connected(server, lambda e: heard.append(e.type), counters):
        for text in ("garbage", "[]", '{"type": 1}', "[" * 100_000):
            await server.socket.send_str(text)
        await server.socket.send_bytes(b"\xff\x00")
        await server.socket.send_json({"type": "RESTResponse", "request_id": "stranger", "status_code": 200})
        await server.socket.send_json({"type": "ChannelCreated"})
        await until(lambda: heard == ["ChannelCreated"])
    assert (counters.malformed, counters.unknown, counters.delivered) == (5, 1, 1)


async def test_a_flood_comes_through_in_order() -> None:
    heard: list[int] = []
    async with ari_server() as server, connected(server, lambda e: heard.append(e.body["n"])) as ari:
        for n in range(5000):
            await server.socket.send_json({"type": "ChannelVarset", "n": n})
        await ari.request("GET", "asterisk", "ping")
        await until(lambda: heard == list(range(5000)))


async def test_a_handler_that_fails_loses_its_event_only() -> None:
    heard: list[str] = []
    counters = LinkCounters()

    def hear(event: Event) -> None:
        if event.type == "Bad":
            raise RuntimeError("a fault of ours")
        heard.append(event.type)

    async with ari_server() as server, connected(server, hear, counters):
        for name in ("Bad", "Good", "Bad", "Good"):
            await server.socket.send_json({"type": name})
        await until(lambda: heard == ["Good", "Good"])
    assert (counters.failed, counters.delivered) == (2, 2)


async def test_a_message_that_is_too_large_takes_the_link_down_and_is_counted() -> None:
    counters = LinkCounters()
    async with ari_server() as server, connected(server, counters=counters) as ari:
        with suppress(ConnectionError):  # we hang up in the middle of it
            await server.socket.send_str('{"type": "' + "x" * MESSAGE_LIMIT + '"}')
        async with asyncio.timeout(5):
            await ari.lost()
    assert counters.oversized == 1


async def test_a_server_without_rest_over_the_websocket_is_asked_over_http() -> None:
    async with ari_server() as server:
        server.takes_requests = False
        async with connected(server) as ari:
            assert not ari.over_websocket
            assert await ari.request("GET", "asterisk", "ping") == {"ping": "pong"}
            with pytest.raises(AriRefused, match="404 Channel not found"):
                await ari.request("GET", "channels", "a/b")
            assert server.over_http[-1].raw_path == "/ari/channels/a%2Fb"
            assert all(request.headers["Authorization"] == BASIC for request in server.over_http)


async def test_over_http_a_redirect_is_not_followed_and_a_huge_answer_not_swallowed() -> None:
    counters = LinkCounters()
    async with ari_server() as server:
        server.takes_requests = False
        async with connected(server, counters=counters) as ari:
            await ari.request("GET", "elsewhere")
            assert [request.path for request in server.over_http if "stolen" in request.path] == []
            with pytest.raises(PbxGone, match="too large"):
                await ari.request("GET", "big")
    assert counters.oversized == 1


async def test_a_peer_that_opens_the_websocket_and_then_says_nothing_is_found() -> None:
    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        if "Upgrade: websocket" not in head:  # the probe falls back to HTTP: answered, so that the link is up
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        else:
            key = next(line.split(": ")[1] for line in head.split("\r\n") if line.startswith("Sec-WebSocket-Key"))
            accept = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode())  # noqa: S324
            writer.write(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: " + base64.b64encode(accept.digest()) + b"\r\n\r\n"
            )
            await reader.read()
        writer.close()

    listening = await asyncio.start_server(mute, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    access = AriAccess(url, "onrecord", SECRET, "onrecord")
    ari = await connect(access, ignore, ping_every=1.5)
    async with asyncio.timeout(6):
        assert await ari.lost() == "no answer to a websocket ping"
    await ari.close()
    listening.close()


async def test_the_filter_is_set_again_after_a_reconnect_and_never_hides_our_own_answers() -> None:
    story = Story()
    async with ari_server() as server, running(server, story, ["ChannelCreated"]):
        await until(lambda: story.told == ["up"])
        await server.socket.close()
        await until(lambda: story.told.count("up") == 2)
        filters = server.sent("applications/onrecord/eventFilter")
        assert len(filters) == 2
        assert json.loads(filters[1]["message_body"]) == {
            "allowed": [{"type": "ChannelCreated"}, {"type": "RESTResponse"}, {"type": "ApplicationReplaced"}]
        }


async def test_a_lost_link_fails_what_waits_and_does_not_ask_again() -> None:
    story = Story()
    async with ari_server() as server, running(server, story) as (link, _):
        await until(lambda: story.told == ["up"])
        server.on["channels"] = None
        asking = asyncio.create_task(link.request("DELETE", "channels", "1.1"))
        await until(lambda: server.sent("channels"))
        transport = server.upgrades[-1].transport
        assert transport is not None
        transport.abort()
        with pytest.raises(PbxGone):
            await asking
        await until(lambda: story.told.count("up") == 2)
        assert await link.request("GET", "asterisk", "ping") == {}
        assert len(server.sent("channels")) == 1
        assert [told.split(":")[0] for told in story.told] == ["up", "down", "up"]


async def test_when_another_client_takes_our_name_we_stop_and_do_not_fight() -> None:
    story = Story()
    async with ari_server() as server, running(server, story) as (link, task):
        await until(lambda: story.told == ["up"])
        await server.socket.send_json({"type": "ApplicationReplaced", "application": "onrecord"})
        await asyncio.wait_for(task, 5)  # it returns
        assert story.told == ["up", "down: application 'onrecord' was taken by another client", "replaced"]
        with pytest.raises(PbxGone, match="taken by another"):
            await link.request("GET", "channels")
        assert len(server.upgrades) == 1
        await until(lambda: server.socket.closed)


async def test_being_replaced_before_the_link_is_up_also_stops_it() -> None:
    async with ari_server() as server, connected(server) as ari:
        await server.socket.send_json({"type": "ApplicationReplaced"})
        with pytest.raises(Replaced):
            await asyncio.wait_for(ari.lost(), 5)
        with pytest.raises(PbxGone):
            await ari.request("GET", "channels")


async def test_up_comes_before_the_first_event() -> None:
    story = Story()
    async with ari_server() as server:
        server.before = [{"type": "Early"}]
        async with running(server, story, []):
            await until(lambda: story.told == ["up"])
            await server.socket.send_json({"type": "Late"})
            await until(lambda: "Late" in story.told)
    assert story.told == ["up", "Late"]
