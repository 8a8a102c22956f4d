"""Lamps: what a phone should show about the recording of its call. Pure: only what the PBX confirmed is ever lit."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from controller.core import wishes
from controller.core.commands import LegId
from controller.core.decision import SubjectKind
from controller.core.policy import Policy
from controller.core.recording import State
from controller.core.roster import Party
from controller.core.session import Session
from controller.core.state import why_stranger
from controller.core.wanted import wanted
from hardware.keys import Key


class Glow(Enum):
    """What a lamp says, weakest first: where a phone is on several calls, the last of them wins."""

    OFF = "off"
    IDLE = "idle"  # a recorder runs, but what is said now is not kept: paused, or nobody asked to keep it yet
    ON = "on"
    FAILED = "failed"  # should be recorded, and is not


ORDER = tuple(Glow)


def glows(session: Session, rules: Policy) -> dict[str, Glow]:
    """The extensions on this call, by number, and what their lamps should say about it."""
    glow = _glow(session, rules)
    return {name: glow for _, name in _extensions(session, rules)}


def pausing(session: Session, rules: Policy) -> dict[str, Glow]:
    """What the lamps of the pause keys of those extensions should say: OFF where the key means nothing now (no
    recording, or no grant), ON where it would pause, IDLE where it would go on (W-32)."""
    call, decision, current = session.call, session.decision, session.recording
    shown: dict[str, Glow] = {}
    for leg, name in _extensions(session, rules):
        if decision is None or shown.get(name, Glow.OFF) is not Glow.OFF:
            continue
        able = not why_stranger(session, leg, rules) and Key.PAUSE in wishes.allowed(
            session.wish, decision, call, leg, (Key.PAUSE,)
        )
        state = current.state if able and current is not None else State.OFF
        shown[name] = {State.ON: Glow.ON, State.PAUSED: Glow.IDLE, State.OFF: Glow.OFF}[state]
    return shown


def _extensions(session: Session, rules: Policy) -> Iterator[tuple[LegId, str]]:
    """The legs of our extensions that talk on this call, while there is anything to show about it."""
    call, decision = session.call, session.decision
    if decision is None or decision.hidden or call.ended_at is not None:
        return
    for leg in call.legs.values():
        who = rules.roster.who(leg) if leg.alive and leg.joined_at is not None else None
        if who is not None and who[1] is Party.INTERNAL and who[0].kind is SubjectKind.EXTENSION:
            yield leg.id, who[0].name


def strongest(glows: list[Glow]) -> Glow:
    """What a lamp says that several calls would set."""
    return max(glows, key=ORDER.index, default=Glow.OFF)


def _glow(session: Session, rules: Policy) -> Glow:
    current, decision = session.recording, session.decision
    if current is None or decision is None:
        return Glow.OFF
    match current.state:
        case State.ON:
            return Glow.ON if wishes.kept(decision, session.wish) else Glow.IDLE
        case State.PAUSED:
            return Glow.IDLE
        case State.OFF:
            return Glow.FAILED if current.given_up and wanted(session, rules) is State.ON else Glow.OFF
