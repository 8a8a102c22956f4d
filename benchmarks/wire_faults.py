"""What do the AMI libraries do with bad input and a lost link? Each row is run here, on sockets of our own making.

    python benchmarks/wire_faults.py          needs the dependency group `bench`

injected: CR LF in a value arrives as another header. letters: a Latin-1 name comes back whole. duplicates: both of
two headers of one name are kept. blank: the event after a stray blank line is heard (22.10.1 sends such lines).
replayed: an action that was never answered is sent again after a reconnect. lost: what its caller learns of the loss.
"""

from __future__ import annotations

import asyncio
import importlib
import io
import logging
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from controller.pbx.asterisk.ami import AmiAccess, AmiLink
from controller.pbx.asterisk.frames import Frames, Message, encode
from controller.pbx.asterisk.link import Backoff, LinkCounters
from controller.pbx.driver import PbxGone

EVIL = "a.wav\r\nCommand: touch /tmp/owned"
WIRE = (
    b"Asterisk Call Manager/11.0.0\r\n"
    b"Event: First\r\nCallerIDName: J\xfcrgen\r\nVariable: A=1\r\nVariable: B=2\r\n\r\n"
    b"\r\nEvent: Second\r\n\r\n"
)
Row = dict[str, object]
Heard = list[tuple[str, Callable[[str], Any]]]
"""(name, how to read a header) of each event that came through."""


class Server:
    """A manager that greets, lets everybody in, and never answers a MixMonitor; it drops the first who asks."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mine: list[str] = []
        self.asked.append(mine)
        writer.write(b"Asterisk Call Manager/11.0.0\r\n")
        try:
            while frame := (await reader.readuntil(b"\r\n\r\n")).decode():
                headers = dict(line.split(": ", 1) for line in frame.split("\r\n") if line)
                mine.append(headers["Action"])
                if headers["Action"] == "MixMonitor":
                    if len(self.asked) == 1:
                        break
                    continue
                extra = "Challenge: 1\r\n" if headers["Action"] == "Challenge" else ""
                writer.write(f"Response: Success\r\nActionID: {headers['ActionID']}\r\n{extra}\r\n".encode())
                if headers["Action"] == "Login":
                    writer.write(b"Event: FullyBooted\r\nUptime: 1\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()


def row(heard: Heard, injected: bool, replayed: object, lost: str) -> Row:
    names = [name for name, _ in heard]
    read = dict(heard).get("First", lambda name: "")  # noqa: ARG005
    name, variables = str(read("CallerIDName")), read("Variable")
    return {
        "injected": "YES" if injected else "no",
        "letters": "kept" if name.encode("utf-8", "surrogateescape") == b"J\xfcrgen" else f"LOST ({name})",
        "duplicates": "kept" if "A=1" in str(variables) and "B=2" in str(variables) else f"LOST ({variables})",
        "blank": "heard" if "Second" in names else "LOST",
        "replayed": replayed,
        "lost": lost,
    }


async def ours(server: Server, port: int) -> Row:
    messages = Frames(LinkCounters()).feed(WIRE)
    heard: Heard = [
        (one.event, lambda name, one=one: one.all(name) if name == "Variable" else one.get(name)) for one in messages
    ]
    try:
        encode("MixMonitor", "1", {"File": EVIL})
        injected = True
    except ValueError:
        injected = False
    up = asyncio.Event()

    def hear(message: Message) -> None: ...
    def down(reason: str) -> None: ...

    access = AmiAccess("127.0.0.1", port, "x", "y")
    link = AmiLink(access, on_event=hear, on_up=up.set, on_down=down, backoff=Backoff(first=0.05))
    running = asyncio.create_task(link.run())
    await up.wait()
    lost = "nothing"
    try:
        await link.action("MixMonitor", Channel="x", File="a.wav")
    except PbxGone:
        lost = "an error at once"
    replayed = await second_session(server)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return row(heard, injected, replayed, lost)


async def panoramisk(server: Server, port: int) -> Row:
    module = importlib.import_module("panoramisk")
    protocol = importlib.import_module("panoramisk.ami_protocol").AMIProtocol()
    seen: list[Any] = []
    protocol.connection_made(None)
    protocol.encoding, protocol.close = "utf8", lambda: None
    protocol.factory = type("Factory", (), {"dispatch": lambda self, message: seen.append(message)})()  # noqa: ARG005
    protocol.data_received(WIRE)
    heard: Heard = [(one["Event"], one.get) for one in seen]
    action = importlib.import_module("panoramisk.actions").Action({"Action": "MixMonitor", "File": EVIL})
    manager = module.Manager(host="127.0.0.1", port=port, username="x", secret="y", reconnect_timeout=0)  # noqa: S106
    await manager.connect()
    waiting = manager.send_action({"Action": "MixMonitor", "Channel": "x", "File": "a.wav"})
    replayed = await second_session(server)
    lost = "an answer" if waiting.done() else "nothing, it waits"
    manager.close()
    return row(heard, "\r\nCommand: touch" in str(action), replayed, lost)


async def pyst2(_: Server, __: int) -> Row:
    module = importlib.import_module("asterisk.manager")
    manager = module.Manager.__new__(module.Manager)
    manager.close = lambda: None
    manager._running, manager._connected = threading.Event(), threading.Event()
    manager._running.set(), manager._connected.set()
    manager._message_queue, manager.title, manager._sock = queue.Queue(), None, io.BytesIO(WIRE)
    manager._receive_data()
    heard: Heard = []
    while lines := manager._message_queue.get():
        message = module.ManagerMsg(lines)
        heard.append((message.get_header("Event"), message.get_header))
    sent: list[bytes] = []
    manager.hostname, manager._seq, manager._seqlock, manager._reswaiting = "x", 0, threading.Lock(), []
    manager._sock = type("Sock", (), {"write": lambda self, data: sent.append(data), "flush": lambda self: None})()  # noqa: ARG005
    manager._connected.set()
    manager._response_queue = queue.Queue()
    manager._response_queue.put(None)
    with suppress(module.ManagerSocketException):  # it wants an answer, which is not the question here
        manager.send_action({"Action": "MixMonitor", "File": EVIL})
    return row(heard, b"\r\nCommand: touch" in b"".join(sent), "not tried", "not tried")


async def asterisk_ami(_: Server, __: int) -> Row:
    module = importlib.import_module("asterisk.ami")
    client = module.AMIClient()
    client._socket = type("Sock", (), {"recv": io.BytesIO(WIRE).read, "close": lambda self: None})()  # noqa: ARG005
    client.finished = threading.Event()
    heard: Heard = []
    client.add_event_listener(lambda event, **_: heard.append((event.name, event.keys.get)))
    reading = client._next_pack()
    next(reading)
    for pack in reading:
        client.fire_recv_pack(pack)
    action = module.SimpleAction("MixMonitor", File=EVIL)
    return row(heard, "\r\nCommand: touch" in str(action), "not tried", "not tried")


async def second_session(server: Server) -> object:
    """Whether the second session was asked what the first one was not answered."""
    async with asyncio.timeout(5):
        while len(server.asked) < 2 or "Login" not in server.asked[1]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.3)
    return "YES" if "MixMonitor" in server.asked[1] else "no"


async def main() -> None:
    logging.disable(logging.CRITICAL)
    for name, run in {"ours": ours, "panoramisk": panoramisk, "pyst2": pyst2, "asterisk-ami": asterisk_ami}.items():
        server = Server()
        listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
        figures = await run(server, listening.sockets[0].getsockname()[1])
        listening.close()
        print(f"{name:13}" + " · ".join(f"{what}: {how}" for what, how in figures.items()))


if __name__ == "__main__":
    asyncio.run(main())
