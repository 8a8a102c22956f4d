"""The engine: inbox → step → journal → outboxes. The only place with effects on calls."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import assert_never

import structlog

from controller.alarms import Alarms
from controller.asking import Asking
from controller.core import session as sessions
from controller.core import sharing
from controller.core.answers import Answer, answer
from controller.core.calls import is_room
from controller.core.commands import (
    Alarm,
    Allow,
    Beep,
    CallId,
    CancelTimer,
    Command,
    Divert,
    HandOver,
    Keyed,
    LegId,
    Open,
    Pause,
    Press,
    Refuse,
    Resume,
    SetTimer,
    Start,
    Stop,
    Switch,
    Tell,
    pbx_of,
)
from controller.core.events import (
    Asked,
    AskedBy,
    Beeped,
    CallsMerged,
    ConsentKeyed,
    Diverted,
    Event,
    LegAppeared,
    NoticePlayed,
    PolicyChanged,
    RecorderFound,
)
from controller.core.merging import merge
from controller.core.policy import Policy
from controller.core.recording import State
from controller.core.roll import Roll
from controller.core.session import Session
from controller.journal import Entry, Journal
from controller.outbox import Outbox
from controller.pbx.driver import Driver
from controller.restart import Recalled
from controller.timers import Timers

log = structlog.get_logger("engine")


@dataclass(slots=True)
class Tally:
    """What went through the engine."""

    events: int = 0
    unknown: int = 0  # events of calls that nobody introduced
    hidden: int = 0  # helpline calls: counted, never listed
    commands: int = 0
    alarms: int = 0


class Engine:
    """Holds the session of every live call and carries out what the core asks for.

    `finish(session, handover)` is called once per recording at the end of a call, and once for a call that was not
    recorded. Everything runs in one event loop, so order needs no locks: hear() is the one door.
    """

    def __init__(
        self,
        policy: Policy,
        drivers: Mapping[str, Driver],
        journal: Journal,
        finish: Callable[[Session, HandOver], None],
        clock: Callable[[], float] = time.time,
        alarms: Alarms | None = None,
    ) -> None:
        self.alarms = alarms if alarms is not None else Alarms(clock=clock)
        self.policy = policy
        self.drivers = drivers
        self.journal = journal
        self.sessions: dict[CallId, Session] = {}
        self.tally = Tally()
        self.links: dict[str, str] = dict.fromkeys(drivers, "not connected yet")  # "" = up
        self.connected: set[Callable[[str], None]] = set()  # called with a PBX's name once its snapshot is told
        self.watchers: set[Callable[[Session, Event], None]] = set()
        self._finish = finish
        self._clock = clock
        self._homes: dict[CallId, CallId] = {}  # a merged call's id -> the call it lives on in
        self._inbox: deque[Event] = deque()
        self._draining = False
        self._timers = Timers(self.hear, self._now)
        self.outbox = Outbox(drivers, self.hear, self._heard, self._now)
        self.refused: set[Callable[[Session, Asked, str], None]] = set()  # who tells a person at a phone
        self._asking = Asking()
        self.stood: set[Callable[[frozenset[str]], None]] = set()  # told of every change of the standing wishes
        self._rolls: dict[str, Roll] = {}  # PBX -> what an earlier life knew of it, until its snapshot is told

    def resume(self, recalled: Recalled) -> None:
        """Take up what an earlier life left, before run(); what of it is gone the first snapshot tells by silence."""
        served = {call: each for call, each in recalled.sessions.items() if pbx_of(call) in self.drivers}
        self.sessions.update(served)
        self._homes.update(recalled.homes)
        for name in self.drivers:
            mine = {call: each for call, each in served.items() if pbx_of(call) == name}
            self._rolls[name] = Roll(mine, recalled.ends)
        for event in recalled.answers:
            self.hear(event)
        for (call, timer), due in recalled.timers.items():
            self._timers.set(SetTimer(call, timer, max(0.0, due - self._clock())))

    async def run(self) -> None:
        """Keep every PBX connected until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                for name, driver in self.drivers.items():
                    group.create_task(driver.run(self.hear, self._link(name)), name=f"pbx {name}")
        finally:
            self._timers.close()

    def on(self, leg: LegId) -> Session | None:
        """The call that this leg is on: where it is in a room, its own and not the room's. None: none that lives."""
        found = [each for each in self.sessions.values() if leg in each.call.legs and each.call.legs[leg].alive]
        return min(found, key=lambda session: is_room(session.call.id), default=None)

    def explain(self, asked: Asked) -> None:
        """The PBX refused this press for us: tell whoever pressed why, as far as we know."""
        session = self.sessions.get(self.home(asked.call))
        if session is not None:
            why = sessions.refusal(session, asked, self.policy) or "the PBX refused the key"
            for tell in self.refused:
                tell(session, asked, why)

    def hear(self, event: Event) -> None:
        """The one door in. Safe to call from within itself: events are taken strictly in turn."""
        self._inbox.append(event)
        if self._draining:
            return
        self._draining = True
        try:
            while self._inbox:
                self._take(self._inbox.popleft())
        finally:
            self._draining = False

    async def ask(self, asked: Asked) -> Answer:
        """Put a person's request to a call and wait for what became of it on the PBX."""
        call = self.home(asked.call)
        if call not in self.sessions:
            return Answer(False, f"there is no live call {asked.call}")
        with self._asking.waits(call, asked) as waiting:
            self.hear(asked)
            if waiting.refused:
                return Answer(False, waiting.refused, self._state(call))
            outcome = await waiting.outcome(lambda: self._answer(call))
            return outcome or Answer(False, "the PBX has not confirmed it yet", self._state(call))

    @property
    def behind(self) -> int:
        """Events that were heard and not taken yet."""
        return len(self._inbox)

    def occupied(self) -> bool:
        """Whether recorders are being started, stopped or paused: whatever can wait had better wait."""
        return self.outbox.occupied()

    def use(self, policy: Policy) -> None:
        """Put another policy in force; every live call is thought over again."""
        self.policy = replace(policy, standing=self.policy.standing)
        for call in list(self.sessions):
            self.hear(PolicyChanged(call, self._clock()))

    def stand(self, extensions: Iterable[str]) -> None:
        """These want all their calls recorded, from now on."""
        self.policy = replace(self.policy, standing=frozenset(extensions))
        for told in self.stood:
            told(self.policy.standing)

    def home(self, call: CallId) -> CallId:
        """The id under which a call goes on that was merged into another."""
        while call in self._homes:
            call = self._homes[call]
        return call

    def _link(self, name: str) -> Callable[[bool, str], None]:
        def changed(up: bool, why: str) -> None:
            log.info("link up" if up else "link down", pbx=name, why=why)
            roll = self._rolls.pop(name, None) if up else None
            for event in roll.absent(self.sessions, self._clock()) if roll is not None else ():
                self.hear(event)
            self.links[name] = "" if up else why or "lost"
            self._link_alarm(name, self.links[name])
            if up:
                for call in [call for call in self.sessions if pbx_of(call) == name]:
                    self.hear(PolicyChanged(call, self._clock()))
                for told in self.connected:
                    told(name)

        return changed

    def _link_alarm(self, name: str, why: str) -> None:
        if not why:
            self.alarms.off("link", name)
            return
        what = f"the link to PBX {name} is down ({why}): what runs goes on, nothing is started, paused or stopped"
        self.alarms.on(
            "link",
            name,
            what,
            "`onrecord doctor` tells what is wrong: Asterisk does not run, is out of reach, or refuses our login",
        )

    def _take(self, event: Event) -> None:
        self.tally.events += 1
        if isinstance(event, CallsMerged):
            self._merge(event)
        call = self.home(event.call)
        roll = self._rolls.get(pbx_of(call))
        if roll is not None:
            call = self._recognised(roll, call, event)
        session = self.sessions.get(call)
        if session is None:
            if not isinstance(event, LegAppeared | RecorderFound):
                self.tally.unknown += 1
                return
            session = sessions.begin(call, event.at)
        for known in sharing.brought(call, event, self.sessions.values()):
            session = self._step(session, known)
        self._step(session, event)

    def _step(self, before: Session, event: Event) -> Session:
        call = before.call.id
        acting = not self.links.get(pbx_of(call), "no such PBX")
        session, commands = sessions.step(before, event, self.policy, acting)
        self.sessions[call] = session
        self._write(session, event, commands, session.decision != before.decision)
        for known in sharing.learned(before.consent, session, event.at, self.sessions.values()):
            self.hear(known)
        for command in commands:
            self._carry_out(session, command, event)
        for watcher in self.watchers:
            watcher(session, event)
        self._asking.changed(call)
        if session.handed_over:
            self._close(call)
        return session

    def _recognised(self, roll: Roll, call: CallId, event: Event) -> CallId:
        """The call as we know it: the PBX may have another name for it now than in an earlier life."""
        known = roll.home(event) if call not in self.sessions else None
        if known is not None and self.home(known) != call:
            self._homes[call] = self.home(known)
            call = self._homes[call]
        roll.hear(event)
        return call

    def _merge(self, event: CallsMerged) -> None:
        kept, gone = self.home(event.call), self.home(event.other)
        other = self.sessions.get(gone)
        if kept == gone or other is None:
            return
        session = self.sessions.get(kept) or sessions.begin(kept, event.at)
        self.sessions[kept] = merge(session, other, self.policy)
        del self.sessions[gone]
        self._homes[gone] = kept

    def _write(self, session: Session, event: Event, commands: tuple[Command, ...], decided: bool) -> None:
        call = session.call
        if session.decision is not None and session.decision.hidden:
            self.journal.forget(call.id)
            return
        entry = Entry(event.at, call.id, event, commands, session.decision if decided else None)
        remember = bool(commands) or call.answered_at is not None or call.ended_at is not None
        folder = str(self.journal.folder)
        try:
            self.journal.append(entry, remember)
        except OSError as error:
            # The call and its recording go on: a journal that cannot be written is an alarm, no reason to stop.
            what = f"the journal cannot be written ({error.strerror}): after a crash, what is asked now is forgotten"
            remedy = "free space on its disk, or make it writable; what waits in memory is written then"
            self.tally.alarms += 1
            self.alarms.on("journal", folder, what, remedy)
        else:
            if remember:
                self.alarms.off("journal", folder)

    def _carry_out(self, session: Session, command: Command, event: Event) -> None:
        match command:
            case Start() | Stop() | Pause() | Resume():
                self.tally.commands += 1
                self.outbox.post(self.home(command.call), command)
            case SetTimer():
                self._timers.set(command)
            case CancelTimer():
                self._timers.cancel(command)
            case Alarm():
                self._alarm(command)
            case Refuse():
                self._refuse(session, event, command)
            case Press():
                self.hear(Asked(command.call, event.at, command.by, command.key, AskedBy.LEG, command.leg))
            case Allow():
                self.outbox.allow(command)
            case Tell():
                self.outbox.tell(command)
            case Beep():
                self.outbox.beep(command)
            case Keyed():
                self.hear(ConsentKeyed(command.call, event.at, command.leg, command.digit))
            case Open():
                self.outbox.open(command)
            case Divert():
                self.outbox.divert(command)
            case Switch():
                self._switch(command)
            case HandOver():
                self._finish(session, command)
            case _:
                assert_never(command)

    def _switch(self, command: Switch) -> None:
        """The answer comes behind the change: who hears it may rely on it."""
        if not command.why:
            others = self.policy.standing - {command.extension}
            self.stand(others | {command.extension} if command.on else others)
            log.info("standing recording", extension=command.extension, on=command.on)
        self.outbox.switched(command)

    def _refuse(self, session: Session, event: Event, command: Refuse) -> None:
        self._asking.refused(event, command.why)
        if isinstance(event, Asked) and event.door is AskedBy.LEG:
            for tell in self.refused:
                tell(session, event, command.why)

    def _heard(self, event: NoticePlayed | Beeped | Diverted) -> None:
        """What became of it, where there is still a call to tell it to."""
        if self.home(event.call) in self.sessions:
            self.hear(event)

    def _alarm(self, alarm: Alarm) -> None:
        self.tally.alarms += 1
        self.alarms.told(alarm)

    def _close(self, call: CallId) -> None:
        session = self.sessions.pop(call)
        if session.decision is not None and session.decision.hidden:
            self.tally.hidden += 1
        self._homes = {gone: home for gone, home in self._homes.items() if home != call} if self._homes else {}

    def _state(self, call: CallId) -> State:
        session = self.sessions.get(self.home(call))
        return session.recording.state if session and session.recording else State.OFF

    def _answer(self, call: CallId) -> Answer | None:
        session = self.sessions.get(self.home(call))
        if session is None:
            return Answer(False, "the call ended meanwhile")
        return answer(session, self.policy, self.links.get(pbx_of(call), ""))

    def _now(self) -> float:
        return self._clock()
