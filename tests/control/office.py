"""A controller without a PBX behind a real control socket."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from controller.control import ControlServer, ask
from controller.core.events import Event
from controller.core.recording import State
from tests.engine.test_engine import RULES, Desk, desk, talking
from tests.playbook import Scene

DEADLINE = 15.0


class Office:
    """A controller on paper that serves its socket in a thread of its own: a process that others can talk to.

    Without more it has one recorded call, 100 with 101. `happened` is what the PBX has told so far.
    """

    def __init__(self, folder: Path, rules: str = RULES, happened: Iterable[Event] = ()) -> None:
        self.folder, self.rules = folder, rules
        self.happened = tuple(happened) or tuple(talking(Scene()))
        self.path = folder / "control.sock"
        self.loop = asyncio.new_event_loop()
        self.ready, self.over = threading.Event(), asyncio.Event()
        self.desk: Desk
        self.server: ControlServer
        self.troubles: list[dict[str, Any]] = []
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        self.loop.set_exception_handler(lambda _, context: self.troubles.append(context))
        self.loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        async with desk(self.folder, self.rules) as self.desk:
            self.server = ControlServer(self.desk.engine, self.path)
            self.desk.say(*self.happened)
            await self.desk.rest()
            task = asyncio.create_task(self.server.run())
            await self.server.listening.wait()
            self.ready.set()
            await self.over.wait()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def __enter__(self) -> Office:
        self.thread.start()
        assert self.ready.wait(DEADLINE)
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.call_soon_threadsafe(self.over.set)
        self.thread.join(DEADLINE)
        assert not self.thread.is_alive()

    @property
    def states(self) -> list[State]:
        return [each.recording.state for each in self.desk.engine.sessions.values() if each.recording]

    def client(self) -> socket.socket:
        link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        link.settimeout(DEADLINE)
        link.connect(str(self.path))
        return link

    def answers(self, data: bytes) -> list[dict[str, Any]]:
        """Send this and hang up our half; all that is answered, line by line, each of them JSON."""
        with self.client() as link:
            with suppress(BrokenPipeError, ConnectionResetError):  # it may have heard enough
                link.sendall(data)
                link.shutdown(socket.SHUT_WR)
            found = []
            with link.makefile("rb") as lines, suppress(ConnectionResetError):  # what was not heard, after the answer
                while line := lines.readline():
                    found.append(json.loads(line))
            return found

    def serves(self) -> None:
        """Other clients get their answer, the call is listed and recorded, and nothing went wrong in the loop."""
        answer = ask(self.path, {"do": "list"})
        assert answer["ok"]
        assert [call["state"] for call in answer["calls"]] == ["on"]
        assert self.states == [State.ON]
        assert self.troubles == []
