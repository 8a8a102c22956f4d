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
from controller.core.calls import Call, Leg, talking
from controller.core.commands import Alarm, CancelTimer, Command, Keyed, LegId, SetTimer, Tell
from controller.core.consent import Entry, Ledger, Standing
from controller.core.decision import AfterRefusal, Announce, Options, Untold
from controller.core.events import BridgeKind, ConsentKeyed, DigitPressed, Event, NoticePlayed, TimerFired
from controller.core.gate import PROMPTS
from controller.core.roster import Roster
from controller.core.subjects import party

ASKING = {PROMPTS[each]: each for each in (Announce.OPT_OUT, Announce.OPT_IN)}
BEEP, REFUSED = "beep", "refused"
IN_CALL = "in the call"
BY = "announcement"
"""By whom a recorder is paused while somebody is being told."""
DELAY, AGAIN, ANSWER = "announce", "announce-again", "answer "
"""Timers; behind the last one stands the leg."""
TIMERS = (DELAY, AGAIN)
ANSWER_SECONDS = 6.0
"""How long after the prompt a key is taken for an answer."""
AGAIN_SECONDS = 2.0
MOST_TRIES = 3


@dataclass(frozen=True, slots=True)
class Announcing:
    """How far it is. `untold`: who counts and has not been told; `awaited`: who was asked and may answer yet."""

    untold: tuple[LegId, ...] = ()
    playing: frozenset[LegId] = frozenset()
    awaited: Mapping[LegId, Announce] = field(default_factory=lambda: MappingProxyType({}))
    tries: Mapping[LegId, int] = field(default_factory=lambda: MappingProxyType({}))
    language: str = ""  # of the subject first reached (W-24)
    delayed: bool = False
    due: bool = False
    blanked: bool = False  # the finished file is silent from a mark on


IDLE = Announcing()
Outcome = tuple[Announcing, tuple[tuple[LegId, Entry], ...], tuple[Command, ...]]
"""The state, what has to be written into the ledger, and what to ask for."""


def hear(state: Announcing, call: Call, options: Options, event: Event) -> Outcome:
    """What this event tells about somebody who was to be told."""
    match event:
        case NoticePlayed() if event.notice in (*PROMPTS.values(), BEEP):
            return _played(state, event)
        case DigitPressed() if event.leg in state.awaited and event.digit in (consent.AGREES, consent.REFUSES):
            return state, (), (Keyed(call.id, event.leg, event.digit),)
        case ConsentKeyed() if event.leg in state.awaited:
            return _answered(state, event.leg, event.digit, event.at, options, call)
        case TimerFired() if event.timer == DELAY:
            return replace(state, due=True), (), ()
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
            if counts and consent.standing(ledger, leg.id) is Standing.UNINFORMED:
                untold.append(leg.id)
    found = tuple(untold)
    return state if found == state.untold else replace(state, untold=found)


def tell(state: Announcing, call: Call, options: Options, way: str) -> tuple[Announcing, tuple[Command, ...]]:
    """Have those who are in conversation told."""
    here = {leg.id for leg in talking(call) if leg.kind is BridgeKind.TALK}
    whom = [leg for leg in state.untold if leg in here and leg not in state.playing and leg not in state.awaited]
    whom = [leg for leg in whom if state.tries.get(leg, 0) < MOST_TRIES]
    if not whom:
        return state, ()
    delay = options.announce_delay if way == "outbound" else 0.0
    if delay > 0 and not state.due:
        if state.delayed:
            return state, ()
        return replace(state, delayed=True), (SetTimer(call.id, DELAY, delay),)
    announce = consent.asked_for(options, way)
    language = state.language or options.language
    newcomer = options.untold is Untold.BEEP and announce is Announce.NOTIFY
    notice = BEEP if newcomer else PROMPTS[announce]
    told = tuple(Tell(call.id, leg, notice, language=language, alone=True) for leg in whom)
    return replace(state, playing=state.playing | {*whom}, language=language), told


def holds_back(state: Announcing, options: Options) -> bool:
    """Whether nothing may be recorded as long as somebody has not been told."""
    return bool(state.untold) and options.untold is Untold.PAUSE


def _counts(leg: Leg) -> bool:
    """Who rings hears nothing and is not heard; who has answered will be within moments."""
    return leg.alive and not leg.local and (leg.bridge is not None or leg.answered_at is not None)


def _played(state: Announcing, event: NoticePlayed) -> Outcome:
    leg = event.leg
    state = replace(state, playing=state.playing - {leg})
    if not event.whole:
        return _failed(state, event)
    how = f"{event.notice} ({event.language})" if event.language and event.notice != BEEP else event.notice
    asked = ASKING.get(event.notice)
    commands: tuple[Command, ...] = ()
    if asked is not None:
        state = replace(state, awaited=MappingProxyType({**state.awaited, leg: asked}), language=event.language)
        commands = (SetTimer(event.call, f"{ANSWER}{leg}", ANSWER_SECONDS),)
    told = () if asked is Announce.OPT_IN else ((leg, Entry(Standing.INFORMED, event.at, how, IN_CALL)),)
    return state, told, commands


def _failed(state: Announcing, event: NoticePlayed) -> Outcome:
    tries = state.tries.get(event.leg, 0) + 1
    state = replace(state, tries=MappingProxyType({**state.tries, event.leg: tries}))
    if tries < MOST_TRIES:
        # Until the timer fires nobody tries: any other event would otherwise do so at once.
        return replace(state, playing=state.playing | {event.leg}), (), (SetTimer(event.call, AGAIN, AGAIN_SECONDS),)
    what = f"the announcement '{event.notice}' ({event.language}) could not be played in a call"
    return (
        state,
        (),
        (Alarm(event.call, what, "see that the prompt is there and ARI is connected: `onrecord doctor`"),),
    )


def again(state: Announcing, event: Event) -> Announcing:
    """The time to try those anew whom it could not be played to."""
    if not isinstance(event, TimerFired) or event.timer != AGAIN:
        return state
    return replace(state, playing=state.playing - {*state.tries})


def _answered(state: Announcing, leg: LegId, digit: str, at: float, options: Options, call: Call) -> Outcome:
    asked = state.awaited.get(leg)
    if asked is None:
        return state, (), ()
    awaited = MappingProxyType({one: what for one, what in state.awaited.items() if one != leg})
    state = replace(state, awaited=awaited)
    over: tuple[Command, ...] = (CancelTimer(call.id, f"{ANSWER}{leg}"),)
    said = consent.answered(asked, digit)
    if said is Standing.INFORMED:
        return state, (), over  # that he was told stands there already
    how = f"key {digit}, {IN_CALL}" if digit else f"no key, {IN_CALL}"
    if said is Standing.REFUSED and options.after_refusal is AfterRefusal.END and call.legs[leg].alive:
        over = (*over, Tell(call.id, leg, REFUSED, ending=True, language=state.language))
    return state, ((leg, Entry(said, at, f"{PROMPTS[asked]} ({state.language})", how)),), over
