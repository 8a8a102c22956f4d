"""Beeping: who hears beeps while a recorder runs, how often, and on which legs they are. Pure (F-056, F-057, B-08).

Beeps hang on a leg. Either everybody in its conversation hears them, or it alone, or all but it; and a recorder hears
those only that reach its leg from another one (asterisk.md, beeps).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from controller.core.altered import replace
from controller.core.calls import Call, company, is_room, talking
from controller.core.commands import Beep, Command, LegId, Reach, SetTimer
from controller.core.consent import among
from controller.core.decision import Options
from controller.core.events import Beeped, Event, TimerFired
from controller.core.recording import Recording, State
from controller.core.roster import Roster
from controller.core.subjects import party

AGAIN = "beep-again"
AGAIN_SECONDS = 5.0
Asked = Mapping[LegId, Beep]
SILENT: Asked = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Beeping:
    """`asked`: the legs that carry beeps, each with what was asked for."""

    asked: Asked = field(default_factory=lambda: SILENT)
    waiting: bool = False  # some could not be had; they are asked for again after a while


IDLE = Beeping()


def hear(state: Beeping, event: Event) -> Beeping:
    """What this event tells about the beeps."""
    match event:
        case Beeped(heard=False) if event.leg in state.asked:
            left = {leg: beep for leg, beep in state.asked.items() if leg != event.leg}
            return replace(state, asked=MappingProxyType(left), waiting=True)
        case TimerFired() if event.timer == AGAIN:
            return replace(state, waiting=False)
        case _:
            return state


def retry(event: Event) -> tuple[Command, ...]:
    """When beeps that could not be had are asked for again."""
    return (SetTimer(event.call, AGAIN, AGAIN_SECONDS),) if isinstance(event, Beeped) and not event.heard else ()


def note(state: Beeping, event: Beeped) -> str:
    """For the recording's marks; before `hear`."""
    beep = state.asked.get(event.leg)
    if not event.heard or beep is None:
        return "beeps: could not be played"
    heard = {Reach.ALL: "", Reach.ALONE: f", heard by {event.leg} only", Reach.OTHERS: f", not heard by {event.leg}"}
    return f"beeps: {beep.tone} every {beep.every:g} s{heard[beep.reach]}"


def step(
    state: Beeping, current: Recording, call: Call, options: Options, roster: Roster
) -> tuple[Beeping, tuple[Command, ...]]:
    """Have the beeps that are wanted now. New ones on the same leg take the place of the old."""
    wanted = _wanted(current, call, options, roster)
    if current.asked is not None or not talking(call):
        # Who leaves takes his region with him: the other cadence would be heard by who is about to hang up.
        wanted = {leg: state.asked.get(leg, beep) for leg, beep in wanted.items()}
    if wanted == state.asked:
        return state, ()
    over = [leg for leg in state.asked if leg not in wanted and leg in call.legs and call.legs[leg].alive]
    commands: list[Command] = [Beep(call.id, leg, 0.0) for leg in over]
    if state.waiting:
        wanted = {leg: beep for leg, beep in wanted.items() if state.asked.get(leg) == beep}
    commands += [beep for leg, beep in wanted.items() if state.asked.get(leg) != beep]
    return replace(state, asked=MappingProxyType(wanted)), tuple(commands)


def _wanted(current: Recording, call: Call, options: Options, roster: Roster) -> dict[LegId, Beep]:
    segment, runs = current.segment, current.state is State.ON or current.renewing is State.ON
    if options.beep <= 0 or not runs or segment is None:
        return {}
    own = segment.leg
    reached = _reached(own, call, options, roster)
    if current.renewing is not None:
        # On the recorder's own leg: that stays as deaf as it is while anything hangs there.
        reached.pop(own, None)
    return {
        leg: Beep(call.id, leg, options.beep, options.beep_tone, reach)
        for leg, reach in reached.items()
        if leg in call.legs and call.legs[leg].alive
    }


def _reached(own: LegId, call: Call, options: Options, roster: Roster) -> dict[LegId, Reach]:
    """The legs that carry beeps. One is enough where everybody hears them, or all but one of those who talk."""
    others = [leg.id for leg in talking(call) if leg.id != own] if is_room(call.id) else sorted(company(call, own))
    there = [own, *(leg for leg in others if leg in call.legs)]
    hearers = [leg for leg in there if leg in call.legs and among(options.beep_to, party(call.legs[leg], roster))]
    if hearers == there:
        if not options.beep_in_file:
            return {own: Reach.ALL}
        return {} if is_room(call.id) or len(there) == 1 else {there[1]: Reach.ALL}
    if options.beep_in_file and own in hearers and len(hearers) == len(there) - 1:
        (deaf,) = [leg for leg in there if leg not in hearers]
        return {deaf: Reach.OTHERS}
    return dict.fromkeys(hearers, Reach.ALONE)
