"""Reminding: notices that a recording starts, stops, pauses or goes on, and beeps while it runs. Pure (F-055, F-056).

A notice follows what the PBX confirmed, never what was only asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

from controller.core import consent
from controller.core.altered import replace
from controller.core.calls import Call, company, talking
from controller.core.commands import Beep, Command, LegId, SetTimer, Tell
from controller.core.consent import Ledger, Standing
from controller.core.decision import Audience, NoticeForm, Options
from controller.core.events import Beeped, Event, TimerFired
from controller.core.recording import Recording, State
from controller.core.roster import Party, Roster
from controller.core.subjects import party

SIGNAL = "signal"
"""The notice that is a short beep."""
WORDS = {"start": "started", "stop": "stopped", "pause": "paused", "resume": "resumed"}
NOTICES = frozenset({*WORDS.values(), SIGNAL})
AGAIN = "beep-again"
AGAIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Reminding:
    """`paused`: people were told of a pause, so that its end is worth a word. `beeping`: on which leg."""

    paused: bool = False
    beeping: LegId | None = None
    waiting: bool = False  # beeps could not be had; they are asked for again after a while


IDLE = Reminding()


@dataclass(frozen=True, slots=True)
class Scene:
    """The call, and by which rules it is told."""

    call: Call
    options: Options
    ledger: Ledger
    way: str
    roster: Roster


def hear(state: Reminding, event: Event) -> Reminding:
    """What this event tells about the beeps."""
    match event:
        case Beeped(heard=False) if event.leg == state.beeping:
            return replace(state, beeping=None, waiting=True)
        case TimerFired() if event.timer == AGAIN:
            return replace(state, waiting=False)
        case _:
            return state


def step(
    state: Reminding, before: Recording | None, current: Recording, paused: bool, scene: Scene
) -> tuple[Reminding, tuple[Command, ...]]:
    """What people are to hear now. `paused`: whether somebody wants it paused."""
    state, notices = _notices(state, before, current, paused, scene)
    state, beeps = _beeps(state, current, scene)
    return state, (*notices, *beeps)


def _notices(
    state: Reminding, before: Recording | None, current: Recording, paused: bool, scene: Scene
) -> tuple[Reminding, tuple[Command, ...]]:
    said: list[Command] = []
    marks, old = current.marks, len(before.marks) if before is not None else 0
    for place, mark in enumerate(marks[old:], old):
        if mark.kind not in WORDS:
            continue
        if mark.kind == "start" and place and marks[place - 1].kind in ("renew", "lost", "failed"):
            continue  # a new recorder for the same recording
        if mark.kind == "pause":
            if not paused:
                continue  # held, or somebody types or is being told: nobody asked for it
            state = replace(state, paused=True)
        elif mark.kind == "resume":
            if not state.paused:
                continue
            state = replace(state, paused=False)
        said.extend(_told(mark.kind, scene))
    return state, tuple(said)


def _told(kind: str, scene: Scene) -> list[Command]:
    form = _form(kind, scene)
    if form is NoticeForm.NONE:
        return []
    notice = SIGNAL if form is NoticeForm.BEEP else WORDS[kind]
    call, options = scene.call, scene.options
    return [
        Tell(call.id, leg.id, notice, language=options.language, alone=True)
        for leg in talking(call)
        if _hears(party(leg, scene.roster), scene)
    ]


def _form(kind: str, scene: Scene) -> NoticeForm:
    options = scene.options
    if kind in ("pause", "resume"):
        return options.notice_pause
    return options.notice_internal if scene.way == "internal" else options.notice_outside


def _hears(who: Party, scene: Scene) -> bool:
    """Those of the house not where the announcement was made (W-22)."""
    inside = who is Party.INTERNAL
    if inside and any(consent.standing(scene.ledger, leg) is not Standing.UNINFORMED for leg in scene.ledger):
        return False
    return scene.options.notice_to is Audience.BOTH or inside is (scene.options.notice_to is Audience.NEAR)


def _beeps(state: Reminding, current: Recording, scene: Scene) -> tuple[Reminding, tuple[Command, ...]]:
    call, options = scene.call, scene.options
    leg = _leg(current, scene)
    if leg == state.beeping:
        return state, ()
    over = state.beeping is not None and call.legs[state.beeping].alive
    commands: list[Command] = [Beep(call.id, state.beeping, 0.0)] if over and state.beeping is not None else []
    if leg is not None and state.waiting:
        leg = None
    elif leg is not None:
        commands.append(Beep(call.id, leg, options.beep, options.beep_tone))
    return replace(state, beeping=leg), tuple(commands)


def retry(event: Event) -> tuple[Command, ...]:
    """When beeps that could not be had are asked for again."""
    return (SetTimer(event.call, AGAIN, AGAIN_SECONDS),) if isinstance(event, Beeped) and not event.heard else ()


def _leg(current: Recording, scene: Scene) -> LegId | None:
    """On which leg there are to be beeps: a recorder hears those on another leg than its own (asterisk.md, beeps)."""
    segment = current.segment
    runs = current.state is State.ON or current.renewing is State.ON
    if current.renewing is not None and not scene.options.beep_in_file:
        # The beeps hang on the recorder's own channel, which stays as deaf as it is while anything hangs there.
        return None
    if scene.options.beep <= 0 or not runs or segment is None:
        return None
    leg = segment.leg
    if not scene.options.beep_in_file:
        known = scene.call.legs.get(leg)
        return leg if known is not None and known.alive else None
    return min(company(scene.call, leg) & {*scene.call.legs}, default=None)
