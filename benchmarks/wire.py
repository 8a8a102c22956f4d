"""How fast are our AMI and ARI clients beside the libraries one would otherwise take, on the same captured bytes?

    python benchmarks/wire.py [--json FILE] [--pairs 9]          needs the dependency group `bench`

Each client reads the bytes by its own reader, from a socket that is only memory, and hands every event to a callback
that looks at three fields. One process, runs taken alternately, ours and theirs; the ratio is the median of the pairs
(above 1: ours is faster). A client that hands out fewer events than the capture holds is shown with what it lost.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import io
import json
import logging
import queue
import statistics
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
from aiohttp import WSMessage, WSMsgType

from controller.pbx.asterisk.frames import Message
from controller.pbx.asterisk.link import LinkCounters
from controller.pbx.asterisk.rest import AriAccess, Event
from controller.pbx.asterisk.session import Ami
from controller.pbx.asterisk.websocket import Ari

CAPTURES = Path(__file__).parent / "captures"
PACKET = 4096
Run = Callable[[], int]
"""Reads the whole capture; returns the number of events that reached the callback."""


def ami_capture(rounds: int) -> bytes:
    """The greeting and response once, the events that follow over and over."""
    raw = (CAPTURES / "calls.ami").read_bytes()
    start = raw.index(b"Event: ")
    return raw[:start] + raw[start : raw.rindex(b"\r\n\r\n") + 4] * rounds


def ari_capture(rounds: int) -> list[str]:
    return (CAPTURES / "calls.ari").read_text(encoding="utf-8").splitlines() * rounds


def packets(raw: bytes) -> list[bytes]:
    return [raw[start : start + PACKET] for start in range(0, len(raw), PACKET)]


# --- AMI ------------------------------------------------------------------------------------------------------


def our_ami(raw: bytes) -> Run:
    chunks = packets(raw)

    async def run() -> int:
        seen = 0

        def hear(message: Message) -> None:
            nonlocal seen
            seen += 1
            message.get("Event"), message.get("Channel"), message.get("Uniqueid")

        ami = Ami(LinkCounters(), hear)
        ami.listen()
        for chunk in chunks:
            ami.data_received(chunk)
        return seen

    return lambda: asyncio.run(run())


def panoramisk(raw: bytes) -> Run:
    module = importlib.import_module("panoramisk")
    protocol_class = importlib.import_module("panoramisk.ami_protocol").AMIProtocol
    chunks = packets(raw)

    def run() -> int:
        seen = 0

        def hear(_: object, event: Any) -> None:
            nonlocal seen
            seen += 1
            event.get("Event"), event.get("Channel"), event.get("Uniqueid")

        manager, protocol = module.Manager(), protocol_class()
        manager.register_event("*", hear)
        protocol.connection_made(None)
        protocol.encoding, protocol.factory, protocol.close = "utf8", manager, lambda: None
        manager.patterns = [pattern for pattern in manager.patterns if pattern[0] == "*"]  # not its own FullyBooted
        for chunk in chunks:
            protocol.data_received(chunk)
        return seen

    return run


def pyst2(raw: bytes) -> Run:
    module = importlib.import_module("asterisk.manager")

    def run() -> int:
        manager = module.Manager.__new__(module.Manager)
        manager._running, manager._connected = threading.Event(), threading.Event()
        manager._running.set(), manager._connected.set()
        manager.close = lambda: None  # called by its __del__
        manager._message_queue, manager.title, manager._sock = queue.Queue(), None, io.BytesIO(raw)
        manager._receive_data()
        seen = 0
        while lines := manager._message_queue.get():
            message = module.ManagerMsg(lines)
            if message.has_header("Event"):
                event = module.Event(message)
                seen += 1
                event.get_header("Event"), event.get_header("Channel"), event.get_header("Uniqueid")
        return seen

    return run


def asterisk_ami(raw: bytes) -> Run:
    module = importlib.import_module("asterisk.ami")

    class Socket:
        def __init__(self) -> None:
            self.recv = io.BytesIO(raw).read

        def close(self) -> None: ...

    def run() -> int:
        seen = 0

        def hear(event: Any, **_: object) -> None:
            nonlocal seen
            seen += 1
            event.name, event.keys.get("Channel"), event.keys.get("Uniqueid")

        client = module.AMIClient()
        client._socket, client.finished = Socket(), threading.Event()
        client.add_event_listener(hear)
        reading = client._next_pack()
        next(reading)  # the greeting
        for pack in reading:
            client.fire_recv_pack(pack)
        return seen

    return run


# --- ARI ------------------------------------------------------------------------------------------------------


class Socket:
    """A websocket that is only memory."""

    close_code = 1000

    def __init__(self, texts: list[str]) -> None:
        self._messages = iter([WSMessage(WSMsgType.TEXT, text, None) for text in texts])

    async def receive(self) -> WSMessage:
        return next(self._messages, WSMessage(WSMsgType.CLOSED, None, None))

    def exception(self) -> None: ...


def look(body: dict[str, Any]) -> None:
    channel = body.get("channel") or {}
    body.get("type"), channel.get("id"), channel.get("name")


def our_ari(texts: list[str]) -> Run:
    async def run() -> int:
        seen = 0

        def hear(event: Event) -> None:
            nonlocal seen
            seen += 1
            look(event.body)

        access = AriAccess("http://127.0.0.1:8088", "", "", "capture")
        ari = Ari(access, None, Socket(texts), hear, LinkCounters())  # type: ignore[arg-type]
        ari.listen()
        await ari.lost()
        return seen

    return lambda: asyncio.run(run())


def aioari(texts: list[str]) -> Run:
    client_class = importlib.import_module("aioari.client").Client

    async def run() -> int:
        seen = 0

        def hear(body: dict[str, Any]) -> None:
            nonlocal seen
            seen += 1
            look(body)

        client = client_class.__new__(client_class)
        client.event_listeners = {"*": [(hear, (), {})]}
        await client._Client__run(Socket(texts))
        return seen

    return lambda: asyncio.run(run())


def asyncari(texts: list[str]) -> Run:
    client_class = importlib.import_module("asyncari.client").Client
    texts_of = importlib.import_module("wsproto.events").TextMessage
    models = {"channel": "Channel", "bridge": "Bridge", "playback": "Playback", "endpoint": "Endpoint"}
    known: dict[str, Any] = {}
    for body in map(json.loads, texts):
        fields = known.setdefault(body["type"], {"properties": {}})["properties"]
        fields |= {name: {"type": models.get(name, "string")} for name in body}

    async def socket() -> AsyncIterator[Any]:
        for text in texts:
            yield texts_of(text)

    async def run() -> int:
        seen = 0

        async def hear(message: Any) -> None:
            nonlocal seen
            seen += 1
            look(message._orig_msg)

        async with anyio.create_task_group() as tasks:
            client = client_class(tasks, "http://127.0.0.1:8088/", ["capture"], None)
            client.swagger = SimpleNamespace(channels=1, bridges=1, playbacks=1, endpoints=1)
            client.event_models, client.repositories, client.event_listeners = known, {}, {"*": [hear]}
            await client._Client__run(socket())
        return seen

    return lambda: asyncio.run(run())


def plain_json(texts: list[str]) -> Run:
    def run() -> int:
        for text in texts:
            look(json.loads(text))
        return len(texts)

    return run


# --- the race -------------------------------------------------------------------------------------------------


def timed(run: Run) -> tuple[float, int]:
    began = time.perf_counter()
    seen = run()
    return time.perf_counter() - began, seen


def race(ours: Run, theirs: Run, pairs: int, events: int) -> dict[str, Any]:
    ours(), theirs()  # once to warm up
    ratios, our_rates, their_rates, seen = [], [], [], 0
    for _ in range(pairs):
        our_time, our_seen = timed(ours)
        their_time, seen = timed(theirs)
        if our_seen != events:
            sys.exit(f"ours handed out {our_seen} of {events} events")
        ratios.append(their_time / our_time * (our_seen / max(seen, 1)))  # per event that came through
        our_rates.append(our_seen / our_time)
        their_rates.append(seen / their_time)
    return {
        "ratio": round(statistics.median(ratios), 2),
        "lowest": round(min(ratios), 2),
        "highest": round(max(ratios), 2),
        "ours_per_second": round(statistics.median(our_rates)),
        "theirs_per_second": round(statistics.median(their_rates)),
        "theirs_lost": events - seen,
    }


def races(pairs: int) -> Iterator[tuple[str, str, dict[str, Any]]]:
    raw, texts = ami_capture(40), ari_capture(20)
    manager_events = raw.count(b"\r\n\r\n") - 1  # every frame but the response to the login
    for name, make in {"panoramisk": panoramisk, "pyst2": pyst2, "asterisk-ami": asterisk_ami}.items():
        yield "AMI", name, race(our_ami(raw), make(raw), pairs, manager_events)
    for name, other in {"asyncari": asyncari, "aioari": aioari, "json.loads": plain_json}.items():
        yield "ARI", name, race(our_ari(texts), other(texts), pairs, len(texts))


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    arguments.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments.add_argument("--pairs", type=int, default=9)
    options = arguments.parse_args()
    logging.disable(logging.ERROR)  # panoramisk formats each message for its debug log only if somebody listens
    rows = []
    print(f"{'':4} {'beside':13} {'ratio':>6} {'(lowest-highest)':>17} {'ours/s':>9} {'theirs/s':>9}  lost")
    for protocol, beside, row in races(options.pairs):
        rows.append({"protocol": protocol, "beside": beside} | row)
        span = f"({row['lowest']:.2f}-{row['highest']:.2f})"
        print(
            f"{protocol:4} {beside:13} {row['ratio']:6.2f} {span:>17} {row['ours_per_second']:9,} "
            f"{row['theirs_per_second']:9,}  {row['theirs_lost'] or ''}"
        )
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
