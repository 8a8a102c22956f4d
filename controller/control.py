"""The control socket: JSON lines over a Unix socket, by which the command line reaches the running controller.

A request is one line, its answer is one line: {"do": "list"} → {"ok": true, "calls": […]}. What it may ask for is
what everybody may: keys go through the engine's one door as Asked events and are cut to what the rule allows.
"""

from __future__ import annotations

import asyncio
import grp
import json
import os
import pwd
import socket
import struct
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import structlog

from controller.core.calls import Leg
from controller.core.commands import CallId
from controller.core.events import Asked
from controller.core.policy import Policy
from controller.core.session import Session
from controller.core.wanted import wanted
from controller.engine import Engine
from hardware.keys import Key

log = structlog.get_logger("control")

MOST_BYTES = 64 * 1024
MOST_CLIENTS = 64
MOST_NAME = 150
IDLE_SECONDS = 60.0
READ_SECONDS = 10.0
"""How long a client may leave its answers unread."""
CLIENT_SECONDS = 20.0
KEYS = {"start": Key.RECORD, "stop": Key.STOP, "pause": Key.PAUSE, "resume": Key.RESUME}


class NotRunning(Exception):
    """No controller answers at the socket; the text says what to do."""


class NotAllowed(NotRunning):
    """One runs perhaps, and this user may not ask it."""


class BadRequest(ValueError):
    """The request cannot be understood; the text is for whoever sent it."""


@dataclass(slots=True)
class ControlTally:
    requests: int = 0
    refused: int = 0
    malformed: int = 0
    turned_away: int = 0  # there were too many clients
    broken: int = 0  # hung up before their answer, or did not read it


@dataclass(slots=True)
class ControlServer:
    """Serves the socket. `group`: members of this Unix group may connect, beside the socket's owner and root."""

    engine: Engine
    path: Path
    group: str = ""
    status: Mapping[str, Any] = field(default_factory=dict)
    tally: ControlTally = field(default_factory=ControlTally)
    listening: asyncio.Event = field(default_factory=asyncio.Event)
    _clients: int = 0

    async def run(self) -> None:
        """Listen until cancelled. Raises OSError when another controller answers there, or the folder is not ours."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        await asyncio.to_thread(_clear, self.path)
        server = await asyncio.start_unix_server(self._serve, path=str(self.path), limit=MOST_BYTES)
        self.path.chmod(0o660)
        if self.group:
            os.chown(self.path, -1, grp.getgrnam(self.group).gr_gid)
        self.listening.set()
        try:
            async with server:
                await server.serve_forever()
        finally:
            self.path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = _peer(writer)
        if self._clients >= MOST_CLIENTS:
            self.tally.turned_away += 1
            writer.write(_line_of({"ok": False, "why": f"{MOST_CLIENTS} clients are connected already; try again"}))
            writer.close()
            return
        self._clients += 1
        try:
            while line := await self._line(reader, writer):
                await _say(writer, await self._answer(line, peer))
                await asyncio.sleep(0)  # calls come first, however many requests this client has sent at once
        except ConnectionError:
            self.tally.broken += 1
        except TimeoutError:
            self.tally.broken += 1
            writer.transport.abort()  # what it does not read would be kept for it for ever
        finally:
            self._clients -= 1
            writer.close()

    async def _line(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        """The next request; b"" where there is none: the client hung up, said nothing for long, or said too much."""
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                return await reader.readline()
        except TimeoutError:
            return b""
        except ValueError:  # a line beyond the limit: there is no telling where the next one begins
            self.tally.malformed += 1
            await _say(writer, {"ok": False, "why": f"a request is at most {MOST_BYTES} bytes long"})
            return b""

    async def _answer(self, line: bytes, peer: str) -> dict[str, Any]:
        self.tally.requests += 1
        try:
            request = _request(line)
            answer = await self._carry_out(request, peer)
        except BadRequest as error:
            self.tally.malformed += 1
            return {"ok": False, "why": str(error)}
        if not answer["ok"]:
            self.tally.refused += 1
        return answer

    async def _carry_out(self, request: Mapping[str, Any], peer: str) -> dict[str, Any]:
        do = request.get("do")
        if not isinstance(do, str):
            raise BadRequest(f'"do" must be one of list, status, {", ".join(KEYS)}')
        if do == "list":
            return {
                "ok": True,
                "calls": [
                    shown(session, self.engine.policy) for session in self.engine.sessions.values() if seen(session)
                ],
            }
        if do == "status":
            return {"ok": True, **self._status()}
        if do in KEYS:
            session = self._find(request.get("call"))
            by = f"{_by(request.get('by'))} ({peer})"
            asked = Asked(session.call.id, time.time(), by, KEYS[do])
            answer = await self.engine.ask(asked)
            return {"ok": answer.granted, "why": answer.why, "state": answer.state.value, "call": session.call.id}
        raise BadRequest(f'"do" must be one of list, status, {", ".join(KEYS)}; it is {do!r}'[:300])

    def _status(self) -> dict[str, Any]:
        tally = self.engine.tally
        return {
            **self.status,
            "pbxs": {name: why or "connected" for name, why in self.engine.links.items()},
            "calls": len(self.engine.sessions),
            "events": tally.events,
            "unknown_events": tally.unknown,
            "commands": tally.commands,
            "alarms": [
                {"at": each.last, "call": each.about, **asdict(each)}
                for each in (*self.engine.alarms.past, *self.engine.alarms.active())
            ],
            "control": asdict(self.tally),
        }

    def _find(self, text: object) -> Session:
        """The live call that `text` names: its id, an unambiguous part of it, or the number of somebody on it.

        A mistyped extension must not be found inside of somebody else's call id, which is mostly digits."""
        if not isinstance(text, str) or not text:
            raise BadRequest('"call" must name a call: its id, a part of it, or an extension on it')
        calls = [session for session in self.engine.sessions.values() if seen(session)]
        exact = [session for session in calls if session.call.id == self.engine.home(CallId(text))]
        found = (
            exact
            or [
                session
                for session in calls
                if any(text in (leg.endpoint, leg.number, leg.dialled) for leg in _people(session))
            ]
            or [session for session in calls if _is_part(text, session.call.id)]
        )
        if not found:
            raise BadRequest(f"no live call is or has {text[:80]!r}; `onrecord call list` shows them")
        if len(found) > 1:
            names = ", ".join(session.call.id for session in found[:5])
            raise BadRequest(f"{text[:80]!r} fits {len(found)} calls: {names}; give the whole id")
        return found[0]


def ask(path: Path, request: Mapping[str, Any]) -> dict[str, Any]:
    """Send one request to the running controller and return its answer. Raises NotRunning."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.settimeout(CLIENT_SECONDS)
        try:
            link.connect(str(path))
            link.sendall(json.dumps(dict(request)).encode() + b"\n")
            with link.makefile("rb") as lines:
                answer = json.loads(lines.readline() or b"null")
        except PermissionError as error:
            raise NotAllowed(f"you may not use {path}: run this as root or join the group of [control]") from error
        except (OSError, ValueError) as error:
            hint = "start it with `onrecord run`, or `systemctl start onrecord`"
            why = getattr(error, "strerror", None) or error
            raise NotRunning(f"no controller answers at {path} ({why}): {hint}") from error
    if not isinstance(answer, dict):
        raise NotRunning(f"the controller at {path} hung up without an answer; see its log")
    return answer


def seen(session: Session) -> bool:
    """Whether this call may be listed: helplines never are (F-014)."""
    return session.decision is None or not session.decision.hidden


def shown(session: Session, rules: Policy) -> dict[str, Any]:
    """A live call as the command line shows it."""
    call, decision, recording = session.call, session.decision, session.recording
    return {
        "call": call.id,
        "began_at": call.began_at,
        "talked_at": call.talked_at,
        "queue": call.queue,
        "room": call.room,
        "parties": [
            {"endpoint": leg.endpoint, "number": leg.number, "name": leg.name, "dialled": leg.dialled}
            for leg in _people(session)
        ],
        "decision": {"mode": decision.mode.value, "rule": decision.rule, "reason": decision.reason}
        if decision
        else None,
        "wanted": wanted(session, rules).value,
        "state": recording.state.value if recording else "off",
        "recording": recording.id if recording else None,
    }


def _is_part(text: str, call: CallId) -> bool:
    """A room's name is digits too, and all of it must be given."""
    return call.endswith(f":{text}") if text.isdigit() else text in call


def _people(session: Session) -> list[Leg]:
    return [leg for leg in session.call.legs.values() if leg.alive and not leg.local]


def _request(line: bytes) -> dict[str, Any]:
    try:
        request = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"not a line of JSON: {error}"[:300]) from error
    if not isinstance(request, dict):
        raise BadRequest("a request is a JSON object")
    return request


def _by(name: object) -> str:
    """Who asks, by his own account: kept with the recording, so it is plain text on one line."""
    if name is None or name == "":
        return "operator"
    if not isinstance(name, str):
        raise BadRequest('"by" must be a text: who asks')
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in name[:MOST_NAME])


def _line_of(answer: Mapping[str, Any]) -> bytes:
    return json.dumps(answer, ensure_ascii=True).encode() + b"\n"


async def _say(writer: asyncio.StreamWriter, answer: Mapping[str, Any]) -> None:
    """Raises TimeoutError where the client does not read, ConnectionError where it is gone."""
    writer.write(_line_of(answer))
    async with asyncio.timeout(READ_SECONDS):
        await writer.drain()


def _peer(writer: asyncio.StreamWriter) -> str:
    """Who is at the other end, as the kernel knows it: not what the request claims."""
    raw = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    uid = struct.unpack("3i", raw)[1]
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def _clear(path: Path) -> None:
    """Remove a socket that a killed controller left; refuse when a live one answers there."""
    if not path.exists():
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.settimeout(2.0)
        try:
            link.connect(str(path))
        except OSError:
            path.unlink(missing_ok=True)
            return
    raise OSError(
        f"another controller answers at {path}: stop it first, or give this one a [control] socket of its own"
    )
