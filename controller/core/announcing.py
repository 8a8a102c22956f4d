"""Announcing in a conversation: who talks and has not been told or asked yet, and what he said. Pure (F-046 to 54).

This is for calls that pass no gate, for who joins later, and for announcements that are made some time after the talk
began. It is told once per party, whatever transfers happen (W-23); the ledger knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from controller.core import consent
from controller.core.altered import replace
from controller.core.calls import Call, Leg, is_room, talking
from controller.core.commands import Alarm, CallId, CancelTimer, Command, Keyed, LegId, SetTimer, Tell
from controller.core.consent import Entry, Ledger, Standing, Statement
from controller.core.decision import Announce, Options, Untold
from controller.core.events import BridgeKind, ConsentKeyed, DigitPressed, Event, NoticePlayed, TimerFired
from controller.core.roster import Roster
from controller.core.subjects import party

BEEP = "beep"
IN_CALL = "in the call"
BY = "announcement"
"""By whom a recorder is paused while somebody is being told."""
DELAY, AGAIN, ANSWER, UNHOOKED = "announce", "announce-again", "answer ", "announce-unhooked"
"""Timers; behind the last one stands the leg."""
TIMERS = (DELAY, AGAIN)
ANSWER_SECONDS = 6.0
"""How long after the prompt a key is taken for an answer."""
AGAIN_SECONDS = 2.0
MOST_TRIES = 3

Said = Mapping[LegId, Statement]
NOTHING: Said = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Announcing:
    """How far it is. `untold`: who counts and has not been told; `playing`: who hears what; `awaited`: who was asked
    what and may answer yet."""

    untold: tuple[LegId, ...] = ()
    playing: Said = field(default_factory=lambda: NOTHING)
    awaited: Said = field(default_factory=lambda: NOTHING)
    resting: frozenset[LegId] = frozenset()  # until the next try
    tries: Mapping[LegId, int] = field(default_factory=lambda: MappingProxyType({}))
    language: str = ""  # of the subject first reached (W-24)
    delayed: bool = False
    due: bool = False
    blanked: bool = False  # the finished file is silent from a mark on


IDLE = Announcing()
Outcome = tuple[Announcing, tuple[tuple[LegId, Entry], ...], tuple[Command, ...]]
"""The state, what has to be written into the ledger, and what to ask for."""


def hear(state: Announcing, call: Call, options: Options, way: str, event: Event) -> Outcome:
    """What this event tells about somebody who was to be told."""
    match event:
        case NoticePlayed() if event.leg in state.playing and event.notice in (state.playing[event.leg].prompt, BEEP):
            return _played(state, call, event, len(consent.statements(options, way)) or 1)
        case DigitPressed() if event.leg in state.awaited and event.digit in (consent.AGREES, consent.REFUSES):
            return state, (), (Keyed(call.id, event.leg, event.digit),)
        case ConsentKeyed() if event.leg in state.awaited:
            return _answered(state, event.leg, event.digit, event.at, options, call)
        case TimerFired() if event.timer == DELAY:
            return replace(state, due=True), (), ()
        case TimerFired() if event.timer == AGAIN:
            return replace(state, resting=frozenset()), (), ()
        case TimerFired() if event.timer.startswith(ANSWER):
            leg = LegId(event.timer.removeprefix(ANSWER))
            return _answered(state, leg, consent.NO_DIGIT, event.at, options, call)
        case _:
            return state, (), ()


def look(
    state: Announcing, call: Call, ledger: Ledger, options: Options, way: str, roster: Roster, soon: bool
) -> Announcing:
    """Who is there, or will be within moments (`soon`: the call is about to talk), and has not been told."""
    announce, untold = consent.asked_for(options, way), list[LegId]()
    if announce is not Announce.NONE and (soon or call.talked_at is not None):
        for leg in call.legs.values():
            counts = _counts(leg) and consent.hears(options, party(leg, roster))
            if counts and consent.lacks(ledger, leg.id, options, way):
                untold.append(leg.id)
    found = tuple(untold)
    return state if found == state.untold else replace(state, untold=found)


def tell(
    state: Announcing, call: Call, options: Options, way: str, later: LegId | None = None
) -> tuple[Announcing, tuple[Command, ...]]:
    """Have those who are in conversation told. `later`: the leg whose recorder is about to be stopped, to be told
    afterwards: what is whispered to a channel whose audiohooks were there before a newcomer may not be heard
    (asterisk.md, hazard 1)."""
    kind = BridgeKind.ROOM if is_room(call.id) else BridgeKind.TALK
    here = {leg.id for leg in talking(call) if leg.kind is kind}
    whom = [
        leg for leg in state.untold if leg in here and leg not in {*state.playing, *state.awaited, *state.resting}
    ]
    said = consent.statements(options, way)
    whom = [leg for leg in whom if state.tries.get(leg, 0) < MOST_TRIES * len(said)]
    whom = [leg for leg in whom if leg != later]
    if not whom:
        return state, ()
    delay = options.announce_delay if way == "outbound" else 0.0
    if delay > 0 and not state.due:
        if state.delayed:
            return state, ()
        return replace(state, delayed=True), (SetTimer(call.id, DELAY, delay),)
    language = state.language or options.language
    # What could not be played gives way to what may be said instead; after the last, the first is tried again.
    words = {leg: said[state.tries.get(leg, 0) % len(said)] for leg in whom}
    told = tuple(
        Tell(call.id, leg, _notice(one, options), language=language, alone=True, answer=_answer(one))
        for leg, one in words.items()
    )
    return replace(state, playing=MappingProxyType({**state.playing, **words}), language=language), told


def _notice(said: Statement, options: Options) -> str:
    return BEEP if options.untold is Untold.BEEP and said.announce is Announce.NOTIFY else said.prompt


def _answer(said: Statement) -> float:
    return 0.0 if said.announce is Announce.NOTIFY else ANSWER_SECONDS


def holds_back(state: Announcing, options: Options) -> bool:
    """Whether nothing may be recorded as long as somebody has not been told."""
    return bool(state.untold) and options.untold is Untold.PAUSE


def _counts(leg: Leg) -> bool:
    """Who rings hears nothing and is not heard; who has answered will be within moments."""
    return leg.alive and not leg.local and (leg.bridge is not None or leg.answered_at is not None)


def _played(state: Announcing, call: Call, event: NoticePlayed, count: int) -> Outcome:
    leg, said = event.leg, state.playing[event.leg]
    if not event.whole:
        return _failed(state, call, event, count)
    state = replace(state, playing=_without(state.playing, leg))
    words = said.cited(event.language) if event.notice != BEEP else BEEP
    commands: tuple[Command, ...] = ()
    if said.announce is not Announce.NOTIFY:
        state = replace(state, awaited=MappingProxyType({**state.awaited, leg: said}), language=event.language)
        commands = (SetTimer(event.call, f"{ANSWER}{leg}", ANSWER_SECONDS),)
    entry = Entry(Standing.INFORMED, event.at, words, said.how(IN_CALL), said.meant)
    return state, () if said.announce is Announce.OPT_IN else ((leg, entry),), commands


def _failed(state: Announcing, call: Call, event: NoticePlayed, count: int) -> Outcome:
    """`count`: how many statements there are to try, one after the other."""
    leg, said = event.leg, state.playing[event.leg]
    tries = state.tries.get(leg, 0) + 1
    state = replace(state, tries=MappingProxyType({**state.tries, leg: tries}), playing=_without(state.playing, leg))
    alarm = unheard(call.id, said, event.language)
    if tries % count:
        return state, (), (alarm,)  # the next one at once
    if tries < MOST_TRIES * count:
        # Any other event would otherwise have it tried at once.
        state = replace(state, resting=state.resting | {leg})
        return state, (), (SetTimer(call.id, AGAIN, AGAIN_SECONDS),)
    return state, (), (alarm,)


def unheard(call: CallId, said: Statement, language: str) -> Alarm:
    """Somebody must know of a prompt that people cannot be told by."""
    what = f"the announcement '{said.prompt}' ({language}) could not be played in a call"
    return Alarm(call, what, "see that the prompt is there and ARI is connected: `onrecord doctor`")


def _without(said: Said, leg: LegId) -> Said:
    return MappingProxyType({one: what for one, what in said.items() if one != leg})


def _answered(state: Announcing, leg: LegId, digit: str, at: float, options: Options, call: Call) -> Outcome:
    asked = state.awaited.get(leg)
    if asked is None:
        return state, (), ()
    state = replace(state, awaited=_without(state.awaited, leg))
    over: tuple[Command, ...] = (CancelTimer(call.id, f"{ANSWER}{leg}"),)
    said = consent.answered(asked.announce, digit)
    if said is Standing.INFORMED:
        return state, (), over  # that he was told stands there already
    how = asked.how(IN_CALL, f"key {digit}" if digit else "no key")
    if said is Standing.REFUSED and call.legs[leg].alive:
        over = (*over, *consent.parted(call.id, leg, options, state.language))
    return state, ((leg, Entry(said, at, asked.cited(state.language), how, asked.meant)),), over
