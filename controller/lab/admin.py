"""A few lines of AMI for the lab itself: the independent witness of the tests, not the controller's client."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

Message = dict[str, str]


class Refused(Exception):
    """The PBX answered an action with Error; the message is its own."""


def parse(block: bytes) -> Message:
    """One AMI message; of repeated headers the last wins, but Output and Variable are joined by newlines."""
    message: Message = {}
    for line in block.decode("utf-8", "surrogateescape").split("\r\n"):
        key, colon, value = line.partition(":")
        if not colon:
            continue
        value = value.lstrip(" ")
        if key in ("Output", "Variable", "ChanVariable") and key in message:
            message[key] += "\n" + value
        else:
            message[key] = value
    return message


class Admin:
    """One AMI session that keeps every event it got, in order, in `events`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.events: list[Message] = []
        self._reader = reader
        self._writer = writer
        self._waiting: dict[str, asyncio.Future[Message]] = {}
        self._news = asyncio.Condition()
        self._ids = itertools.count(1)
        self._task = asyncio.create_task(self._read(), name="lab-admin")

    @classmethod
    @asynccontextmanager
    async def session(cls, host: str, port: int, user: str, secret: str) -> AsyncIterator[Admin]:
        """Log in; raises Refused or OSError."""
        reader, writer = await asyncio.open_connection(host, port)
        admin = cls(reader, writer)
        try:
            await admin.act("Login", Username=user, Secret=secret)
            yield admin
        finally:
            await admin.close()

    async def act(self, action: str, *, deadline: float = 10, **headers: str | list[str]) -> Message:
        """Send one action, return its response. A list sends the header several times. Raises Refused."""
        action_id = f"lab-{next(self._ids)}"
        lines = [f"Action: {action}", f"ActionID: {action_id}"]
        for key, value in headers.items():
            lines += [f"{key}: {one}" for one in (value if isinstance(value, list) else [value])]
        if any("\r" in line or "\n" in line for line in lines):
            raise ValueError(f"line break in {action} {headers}")
        answer = self._waiting[action_id] = asyncio.get_running_loop().create_future()
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape"))
        try:
            response: Message = await asyncio.wait_for(answer, deadline)
        finally:
            self._waiting.pop(action_id, None)
        if response["Response"] == "Error":
            raise Refused(f"{action}: {response.get('Message', '')}")
        return response

    async def until(self, matches: Callable[[Message], bool], *, deadline: float = 10, since: int = 0) -> Message:
        """The first event from index `since` on that matches, awaited. Raises TimeoutError."""
        seen = since

        def found() -> Message | None:
            nonlocal seen
            while seen < len(self.events):
                seen += 1
                if matches(self.events[seen - 1]):
                    return self.events[seen - 1]
            return None

        async with asyncio.timeout(deadline), self._news:
            while (event := found()) is None:
                await self._news.wait()
            return event

    async def event(self, name: str, *, deadline: float = 10, since: int = 0, **fields: str) -> Message:
        """The first event of this name whose fields have these values."""
        return await self.until(
            lambda e: e.get("Event") == name and all(e.get(k) == v for k, v in fields.items()),
            deadline=deadline,
            since=since,
        )

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._writer.close()

    async def _read(self) -> None:
        await self._reader.readline()  # the greeting
        while True:
            try:
                message = parse(await self._reader.readuntil(b"\r\n\r\n"))
            except (asyncio.IncompleteReadError, ConnectionError):
                break
            if "Response" in message:
                answer = self._waiting.get(message.get("ActionID", ""))
                if answer is not None and not answer.done():
                    answer.set_result(message)
                continue
            async with self._news:
                self.events.append(message)
                self._news.notify_all()
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(ConnectionError("the PBX closed the AMI session"))
