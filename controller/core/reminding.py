"""Reminding: notices that a recording starts, stops, pauses or goes on. Pure (F-055). Beeps are in beeping.py.

A notice follows what the PBX confirmed, never what was only asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

from controller.core import consent
from controller.core.altered import replace
from controller.core.calls import Call, talking
from controller.core.commands import Command, Tell
from controller.core.consent import Ledger, Standing
from controller.core.decision import Audience, NoticeForm, Options
from controller.core.recording import Recording
from controller.core.roster import Party, Roster
from controller.core.subjects import party

SIGNAL = "signal"
"""The notice that is a short beep."""
WORDS = {"start": "started", "stop": "stopped", "pause": "paused", "resume": "resumed"}
NOTICES = frozenset({*WORDS.values(), SIGNAL})


@dataclass(frozen=True, slots=True)
class Reminding:
    """`paused`: people were told of a pause, so that its end is worth a word."""

    paused: bool = False


IDLE = Reminding()


@dataclass(frozen=True, slots=True)
class Scene:
    """The call, and by which rules it is told."""

    call: Call
    options: Options
    ledger: Ledger
    way: str
    roster: Roster


def step(
    state: Reminding, before: Recording | None, current: Recording, paused: bool, scene: Scene
) -> tuple[Reminding, tuple[Command, ...]]:
    """What people are to be told now. `paused`: whether somebody wants it paused."""
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
