"""A manager of the test's own making on a real socket: it answers as told, and remembers what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from controller.pbx.asterisk.ami import AmiAccess
from controller.pbx.asterisk.frames import Frames, Message
from controller.pbx.asterisk.link import LinkCounters

SECRET = "open-sesame"  # noqa: S105
BOOTED = "Event: FullyBooted\r\nUptime: 7\r\nLastReload: 7\r\nStatus: Fully Booted"


async def until(condition: Callable[[], object], deadline: float = 5.0) -> None:
    """Wait for a condition; fails loudly when it does not come true."""
    async with asyncio.timeout(deadline):
        while not condition():
            await asyncio.sleep(0.002)


class Session:
    """One client, from the server's side."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.asked: list[Message] = []
        self.open = True
        self._writer = writer

    def say(self, *frames: str) -> None:
        self._writer.write("".join(f"{frame}\r\n\r\n" for frame in frames).encode("utf-8", "surrogateescape"))

    def drip(self, data: bytes) -> None:
        self._writer.write(data)

    def hang_up(self) -> None:
        self._writer.transport.abort()

    def named(self, action: str) -> list[Message]:
        return [message for message in self.asked if message.get("Action") == action]


Reply = Callable[[Session, Message], None]


def response(message: Message, kind: str = "Success", *lines: str) -> str:
    return "\r\n".join([f"Response: {kind}", f"ActionID: {message.get('ActionID')}", *lines])


def _log_in(session: Session, message: Message) -> None:
    session.say(response(message, "Success", "Message: Authentication accepted"), BOOTED)


def _succeed(session: Session, message: Message) -> None:
    session.say(response(message))


def silent(session: Session, message: Message) -> None:
    """Say nothing at all."""


class Manager:
    """`on[action]` replaces an answer; `sessions` are the clients so far, the newest last."""

    def __init__(self) -> None:
        self.sessions: list[Session] = []
        self.access = AmiAccess("127.0.0.1", 0, "onrecord", SECRET)
        self.on: dict[str, Reply] = {
            "Challenge": lambda session, message: session.say(response(message, "Success", "Challenge: 137305161")),
            "Login": _log_in,
        }

    @property
    def session(self) -> Session:
        return self.sessions[-1]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(writer)
        self.sessions.append(session)
        writer.write(b"Asterisk Call Manager/11.0.0\r\n")
        frames = Frames(LinkCounters())
        frames.banner = ""
        try:
            while data := await reader.read(65536):
                for message in frames.feed(data):
                    session.asked.append(message)
                    self.on.get(message.get("Action"), _succeed)(session, message)
        except ConnectionError:
            pass
        finally:
            session.open = False
            writer.close()


@asynccontextmanager
async def manager() -> AsyncIterator[Manager]:
    it = Manager()
    server = await asyncio.start_server(it.serve, "127.0.0.1", 0)
    it.access = AmiAccess("127.0.0.1", server.sockets[0].getsockname()[1], "onrecord", SECRET)
    try:
        yield it
    finally:
        server.close()
        for session in it.sessions:
            session.hang_up()
