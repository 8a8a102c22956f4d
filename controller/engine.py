"""The engine: inbox → step → journal → outboxes. The only place with effects on calls."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, assert_never

import structlog

from controller.alarms import Alarms
from controller.core import session as sessions
from controller.core.calls import is_room
from controller.core.commands import (
    Alarm,
    Allow,
    Beep,
    CallId,
    CancelTimer,
    Command,
    HandOver,
    Keyed,
    LegId,
    Open,
    Pause,
    Press,
    RecorderCommand,
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
    Event,
    Failed,
    LegAppeared,
    NoticePlayed,
    PolicyChanged,
    RecorderFound,
    TimerFired,
)
from controller.core.policy import Policy
from controller.core.recording import State
from controller.core.roll import Roll
from controller.core.session import Session
from controller.journal import Entry, Journal
from controller.pbx.driver import Driver
from controller.restart import Recalled

log = structlog.get_logger("engine")

COMMAND_SECONDS = 15.0
"""The last resort: drivers have shorter limits of their own, but a command must end even in a driver that hangs."""
ANSWER_SECONDS = 10.0
OCCUPIED_SECONDS = 0.3
"""For so long after a command more are expected: calls come in bursts."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a person's request: `why` is for the person."""

    granted: bool
    why: str = ""
    state: State = State.OFF


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
        self._tails: dict[CallId, asyncio.Task[None]] = {}
        self._commanded_at = 0.0
        self._timers: dict[tuple[CallId, str], asyncio.TimerHandle] = {}
        self.refused: set[Callable[[Session, Asked, str], None]] = set()  # who tells a person at a phone
        self._refusals: dict[int, str] = {}
        self._asking: set[int] = set()  # requests whose answer somebody waits for
        self._telling: dict[LegId, asyncio.Task[None]] = {}
        self._beeping: dict[LegId, asyncio.Task[None]] = {}
        self._waiting: dict[CallId, set[asyncio.Event]] = {}
        self.stood: set[Callable[[frozenset[str]], None]] = set()  # told of every change of the standing wishes
        self._notices: set[asyncio.Task[None]] = set()  # being heard
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
            self._set_timer(SetTimer(call, timer, max(0.0, due - self._clock())))

    async def run(self) -> None:
        """Keep every PBX connected until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                for name, driver in self.drivers.items():
                    group.create_task(driver.run(self.hear, self._link(name)), name=f"pbx {name}")
        finally:
            for timer in self._timers.values():
                timer.cancel()

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
        changed = asyncio.Event()
        self._waiting.setdefault(call, set()).add(changed)
        self._asking.add(id(asked))
        try:
            self.hear(asked)
            refused = self._refusals.pop(id(asked), "")
            if refused:
                return Answer(False, refused, self._state(call))
            return await self._outcome(call, changed)
        finally:
            self._asking.discard(id(asked))
            self._waiting[call].discard(changed)
            if not self._waiting[call]:
                del self._waiting[call]

    @property
    def behind(self) -> int:
        """Events that were heard and not taken yet."""
        return len(self._inbox)

    def occupied(self) -> bool:
        """Whether recorders are being started, stopped or paused: whatever can wait had better wait."""
        return bool(self._tails) or time.monotonic() - self._commanded_at < OCCUPIED_SECONDS

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
        self.alarms.on("link", name, what, "see that Asterisk runs and its manager port can be reached from here")

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
        acting = not self.links.get(pbx_of(call), "no such PBX")
        before = session.decision
        session, commands = sessions.step(session, event, self.policy, acting)
        self.sessions[call] = session
        self._write(session, event, commands, session.decision != before)
        for command in commands:
            self._carry_out(session, command, event)
        for watcher in self.watchers:
            watcher(session, event)
        for changed in self._waiting.get(call, ()):
            changed.set()
        if session.handed_over:
            self._close(call)

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
        self.sessions[kept] = sessions.merge(session, other, self.policy)
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
                self._post(command)
            case SetTimer():
                self._set_timer(command)
            case CancelTimer():
                self._cancel_timer(command)
            case Alarm():
                self._alarm(command)
            case Refuse():
                self._refuse(session, event, command)
            case Press():
                self.hear(Asked(command.call, event.at, command.by, command.key, AskedBy.LEG, command.leg))
            case Allow():
                self._allow(command)
            case Tell():
                self._tell(command)
            case Beep():
                self._beep(command)
            case Keyed():
                self.hear(ConsentKeyed(command.call, event.at, command.leg, command.digit))
            case Open():
                self._aside(self.drivers[pbx_of(command.call)].open(command))
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
        word = "refused" if command.why else "on" if command.on else "off"
        self._aside(self.drivers[pbx_of(command.call)].answer(command.leg, "ONRECORD_SWITCH", word))

    def _aside(self, work: Coroutine[Any, Any, None]) -> None:
        """For the sake of phones: no recording waits for it."""
        task = asyncio.get_running_loop().create_task(work)
        self._notices.add(task)
        task.add_done_callback(self._notices.discard)

    def _refuse(self, session: Session, event: Event, command: Refuse) -> None:
        if id(event) in self._asking:
            self._refusals[id(event)] = command.why
        if isinstance(event, Asked) and event.door is AskedBy.LEG:
            for tell in self.refused:
                tell(session, event, command.why)

    def _allow(self, command: Allow) -> None:
        """In order for each leg, beside the recorders' commands: a phone's key must not delay a recording."""
        previous = self._telling.get(command.leg)

        async def tell() -> None:
            if previous is not None:
                await asyncio.wait([previous])
            await self.drivers[pbx_of(command.call)].allow(command)

        task = asyncio.get_running_loop().create_task(tell())
        self._telling[command.leg] = task
        task.add_done_callback(
            lambda done: self._telling.pop(command.leg) if self._telling.get(command.leg) is done else None
        )

    def _tell(self, command: Tell) -> None:
        """Beside everything else: a notice lasts for seconds."""

        async def tell() -> None:
            whole = await self.drivers[pbx_of(command.call)].tell(command)
            self._told(
                NoticePlayed(command.call, self._clock(), command.leg, whole, command.notice, command.language)
            )

        self._aside(tell())

    def _beep(self, command: Beep) -> None:
        """In order for each leg, as what is told to phones."""
        previous = self._beeping.get(command.leg)

        async def beep() -> None:
            if previous is not None:
                await asyncio.wait([previous])
            heard = await self.drivers[pbx_of(command.call)].beep(command)
            if command.every > 0:
                self._told(Beeped(command.call, self._clock(), command.leg, heard))

        task = asyncio.get_running_loop().create_task(beep())
        self._beeping[command.leg] = task
        task.add_done_callback(
            lambda done: self._beeping.pop(command.leg) if self._beeping.get(command.leg) is done else None
        )

    def _told(self, event: NoticePlayed | Beeped) -> None:
        """What became of it, where there is still a call to tell it to."""
        if self.home(event.call) in self.sessions:
            self.hear(event)

    def _post(self, command: RecorderCommand) -> None:
        """One outbox per call, in order; a slow call delays nobody else."""
        self.tally.commands += 1
        self._commanded_at = time.monotonic()
        call = self.home(command.call)
        task = asyncio.get_running_loop().create_task(self._do(command, self._tails.get(call)))
        self._tails[call] = task
        task.add_done_callback(lambda done: self._tails.pop(call) if self._tails.get(call) is done else None)

    async def _do(self, command: RecorderCommand, previous: asyncio.Task[None] | None) -> None:
        if previous is not None and not previous.done():
            await asyncio.wait([previous])
        try:
            async with asyncio.timeout(COMMAND_SECONDS):
                event = await self.drivers[pbx_of(command.call)].do(command)
        except TimeoutError:
            event = Failed(command.call, self._clock(), command, f"no answer within {COMMAND_SECONDS:g} s")
        except Exception as error:  # the world's failures are events: what gets here is a fault of the driver
            log.exception("driver failed", command=type(command).__name__, call=command.call)
            event = Failed(command.call, self._clock(), command, f"fault in the driver: {error!r}")
        self.hear(event)

    def _set_timer(self, command: SetTimer) -> None:
        self._cancel_timer(CancelTimer(command.call, command.timer))
        key = (command.call, command.timer)

        def fire() -> None:
            self._timers.pop(key, None)
            self.hear(TimerFired(command.call, self._clock(), command.timer))

        self._timers[key] = asyncio.get_running_loop().call_later(command.seconds, fire)

    def _cancel_timer(self, command: CancelTimer) -> None:
        timer = self._timers.pop((command.call, command.timer), None)
        if timer is not None:
            timer.cancel()

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

    async def _outcome(self, call: CallId, changed: asyncio.Event) -> Answer:
        """Wait until what was asked for is so on the PBX, or cannot be had."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                while True:
                    changed.clear()
                    answer = self._answer(call)
                    if answer is not None:
                        return answer
                    await changed.wait()
        except TimeoutError:
            return Answer(False, "the PBX has not confirmed it yet", self._state(call))

    def _answer(self, call: CallId) -> Answer | None:
        session = self.sessions.get(self.home(call))
        if session is None:
            return Answer(False, "the call ended meanwhile")
        current, want = session.recording, sessions.wanted(session, self.policy)
        if current is None:
            return Answer(True, "it takes effect when the call is talking", State.OFF) if want is State.OFF else None
        if current.asked is not None or current.waiting:
            return None
        if current.state is want:
            return Answer(True, "", current.state)
        if current.given_up or current.unpausable or current.stuck:
            reasons = [mark.note for mark in current.marks if mark.kind in ("failed", "lost")]
            return Answer(False, reasons[-1] if reasons else "the PBX would not", current.state)
        link = self.links.get(pbx_of(call), "")
        return Answer(False, f"the PBX is not connected: {link}", current.state) if link else None
