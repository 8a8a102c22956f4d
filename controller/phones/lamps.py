"""Keeps every phone's lamp at what is true: follows the engine's calls, and sets what changed on their PBX."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from controller.core import lamps
from controller.core.commands import CallId, pbx_of
from controller.core.events import Asked, Event
from controller.core.lamps import Glow
from controller.core.session import Session
from controller.engine import Engine
from controller.phones import screens

Shown = tuple[str, str]
"""Extension, and which of its lamps: `rec`, or `pause` for its pause key."""
Lamp = tuple[str, str, str]
"""PBX, extension, and which."""
RECORDED, PAUSING = "rec", "pause"


@dataclass(slots=True)
class Lamps:
    """The lamps of all PBXs. Make it, then `run` it: it watches the engine and is never in a call's way.

    A lamp is lit only by what the PBX confirmed. At each connect all that are known are set anew: while the link was
    down, or we were, calls ended of which no lamp was told.
    """

    engine: Engine
    shown: dict[Lamp, Glow] = field(default_factory=dict)
    _calls: dict[CallId, Mapping[Shown, Glow]] = field(default_factory=dict)
    _due: dict[Lamp, None] = field(default_factory=dict)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _standing: frozenset[str] = frozenset()
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self) -> None:
        """Set lamps until cancelled."""
        self.engine.watchers.add(self.watch)
        self.engine.connected.add(self.connected)
        self.engine.refused.add(self.refused)
        self.engine.stood.add(self.stood)
        for pbx, why in self.engine.links.items():
            if not why:
                self.connected(pbx)
        try:
            while True:
                await self._changed.wait()
                self._changed.clear()
                await asyncio.gather(*(self._set(lamp) for lamp in list(self._due)))
        finally:
            self.engine.watchers.discard(self.watch)
            self.engine.connected.discard(self.connected)
            self.engine.refused.discard(self.refused)
            self.engine.stood.discard(self.stood)

    def watch(self, session: Session, _event: Event) -> None:
        """One event was heard by this call."""
        call = session.call.id
        rules = self.engine.policy
        now = {(name, RECORDED): glow for name, glow in lamps.glows(session, rules).items()}
        now |= {(name, PAUSING): glow for name, glow in lamps.pausing(session, rules).items()}
        before = self._calls.get(call, {})
        if now == before:
            return
        if now:
            self._calls[call] = now
        else:
            self._calls.pop(call, None)
        changed = {lamp for lamp in (*before, *now) if before.get(lamp) != now.get(lamp)}
        self._ask({(pbx_of(call), *lamp) for lamp in changed})

    def connected(self, pbx: str) -> None:
        """A PBX has told its snapshot: whatever its lamps say, say it again, and for everybody who is listed."""
        self.forget_ended()
        extensions = [extension.number for extension in self.engine.policy.roster.extensions]
        listed = {(pbx, extension, which) for extension in extensions for which in (RECORDED, PAUSING)}
        known = {lamp for lamp in self.shown if lamp[0] == pbx}
        for lamp in listed | known:
            self.shown.pop(lamp, None)
        self._ask(listed | known)
        self._standing = self.engine.policy.standing
        everybody = frozenset(extensions) | self._standing
        self._spawn(self._show_standing(pbx, everybody, self._standing))

    def stood(self, extensions: frozenset[str]) -> None:
        """The standing wishes have changed: the lamps `always-<extension>` follow."""
        for pbx, why in self.engine.links.items():
            if not why:
                self._spawn(self._show_standing(pbx, self._standing ^ extensions, extensions))
        self._standing = extensions

    async def _show_standing(self, pbx: str, changed: frozenset[str], on: frozenset[str]) -> None:
        for extension in sorted(changed):
            await self.engine.drivers[pbx].show(extension, Glow.ON if extension in on else Glow.OFF, "always")

    def forget_ended(self) -> None:
        """Calls that were merged into others, or that ended while nobody watched."""
        for call in [call for call in self._calls if call not in self.engine.sessions]:
            gone = self._calls.pop(call)
            self._ask({(pbx_of(call), *lamp) for lamp in gone})

    def _ask(self, due: set[Lamp]) -> None:
        self._due.update(dict.fromkeys(sorted(due)))
        self._changed.set()

    async def _set(self, lamp: Lamp) -> None:
        """The newest truth only: what changed again meanwhile need not be shown."""
        self._due.pop(lamp, None)
        pbx, extension, which = lamp
        here = (glows for call, glows in self._calls.items() if pbx_of(call) == pbx)
        glow = lamps.strongest([glows[extension, which] for glows in here if (extension, which) in glows])
        if self.shown.get(lamp) is glow:
            return
        self.shown[lamp] = glow
        driver = self.engine.drivers[pbx]
        await driver.show(extension, glow, which)
        for endpoint in self._screens(pbx, extension) if which == RECORDED else ():
            await driver.push(endpoint, screens.status(glow))

    def refused(self, session: Session, asked: Asked, why: str) -> None:
        """A press at a phone was refused: where the phone has a screen, say why."""
        leg = session.call.legs.get(asked.leg) if asked.leg is not None else None
        who = self.engine.policy.roster.who(leg) if leg is not None else None
        if who is None:
            return
        pbx = pbx_of(session.call.id)
        for endpoint in self._screens(pbx, who[0].name):
            self._spawn(self.engine.drivers[pbx].push(endpoint, screens.refused(why)))

    def _screens(self, pbx: str, extension: str) -> list[str]:
        listed = (one for one in self.engine.policy.roster.extensions if one.number == extension)
        return [endpoint for one in listed for endpoint in screens.endpoints(one, pbx)]

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
