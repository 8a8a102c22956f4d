"""The URL Record key of Yealink phones: a press comes as an HTTP request, and its answer is what the screen says."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog
from aiohttp import web

from controller.core.answers import Answer
from controller.core.commands import LegId
from controller.core.events import Asked, AskedBy
from controller.core.recording import State
from controller.core.roster import Extension
from controller.core.session import Session
from controller.engine import Engine
from hardware import url_key
from hardware.keys import Key
from hardware.url_key import UrlPress, UrlRefused

log = structlog.get_logger("phones")

PATH = "/key"
SAID = {State.ON: "Recording", State.PAUSED: "Recording paused", State.OFF: "Not recording"}


@dataclass(slots=True)
class UrlKey:
    """Answers the presses. `counts` by outcome. A phone is known by its MAC address, which its token proves."""

    engine: Engine
    secret: bytes = field(repr=False)
    counts: Counter[str] = field(default_factory=Counter)

    def pages(self) -> dict[str, Callable[[web.Request], Awaitable[web.StreamResponse]]]:
        """What the web server shall answer: path and handler."""
        return {PATH: self.pressed}

    async def pressed(self, request: web.Request) -> web.StreamResponse:
        """Always 200: a phone shows the text, and nothing of any other answer."""
        press = url_key.read(request.method, request.raw_path, request.headers.get("User-Agent", ""), self.secret)
        text = self._refused(press, request) if isinstance(press, UrlRefused) else await self._do(press)
        return web.Response(body=url_key.answer(text), headers={"Content-Type": url_key.ANSWER_TYPE})

    def _refused(self, refused: UrlRefused, request: web.Request) -> str:
        self.counts[refused.reason.value] += 1
        log.warning("a URL key was refused", why=refused.reason.value, peer=request.remote)
        return f"Not recording: {refused.reason.value}"

    async def _do(self, press: UrlPress) -> str:
        known = self._extension(press.mac)
        if known is None:
            self.counts["no extension has this phone"] += 1
            return "Not allowed: no extension has this phone's MAC address. Ask your administrator to add it."
        session, leg = await self._call(known, press)
        if session is None or leg is None:
            self.counts["no call"] += 1
            return "There is no call to record."
        by = f"url key {press.mac}"
        answer = await self.engine.ask(Asked(session.call.id, time.time(), by, press.key, AskedBy.LEG, leg))
        self.counts["granted" if answer.granted else "refused"] += 1
        return _text(answer, press.key)

    def _extension(self, mac: str) -> Extension | None:
        roster = self.engine.policy.roster
        return next((one for one in roster.extensions if mac in one.macs), None)

    async def _call(self, extension: Extension, press: UrlPress) -> tuple[Session | None, LegId | None]:
        """The call that the phone names; else the one on which this extension talks, the latest first."""
        endpoints = extension.endpoints or (extension.number,)
        if press.call_id:
            for driver in self.engine.drivers.values():
                for endpoint in endpoints:
                    leg = await driver.find("", press.call_id, endpoint.rpartition("/")[2])
                    session = self.engine.on(leg) if leg is not None else None
                    if session is not None:
                        return session, leg
        found = [
            (leg.bridge is not None, leg.joined_at or 0.0, session, leg.id)
            for session in self.engine.sessions.values()
            for leg in session.call.legs.values()
            if leg.alive and self._is(leg.id, session, extension)
        ]
        best = max(found, key=lambda each: each[:2], default=None)
        return (None, None) if best is None else (self.engine.on(best[3]) or best[2], best[3])

    def _is(self, leg: LegId, session: Session, extension: Extension) -> bool:
        who = self.engine.policy.roster.who(session.call.legs[leg])
        return who is not None and who[0].name == extension.number


def _text(answer: Answer, key: Key) -> str:
    if not answer.granted:
        return f"Not allowed: {answer.why}"
    if answer.why:
        return f"{SAID[answer.state]}: {answer.why}"
    if answer.state is State.OFF and key in (Key.RECORD, Key.RESUME):
        return "It will be recorded as soon as somebody talks."
    return f"{SAID[answer.state]}."
