"""Lamps: what a phone should show about the recording of its call. Pure: only what the PBX confirmed is ever lit."""

from __future__ import annotations

from enum import Enum

from controller.core import wishes
from controller.core.decision import SubjectKind
from controller.core.policy import Policy
from controller.core.recording import State
from controller.core.roster import Party
from controller.core.session import Session
from controller.core.wanted import wanted


class Glow(Enum):
    """What a lamp says, weakest first: where a phone is on several calls, the last of them wins."""

    OFF = "off"
    IDLE = "idle"  # a recorder runs, but what is said now is not kept: paused, or nobody asked to keep it yet
    ON = "on"
    FAILED = "failed"  # should be recorded, and is not


ORDER = tuple(Glow)


def glows(session: Session, rules: Policy) -> dict[str, Glow]:
    """The extensions on this call, by number, and what their lamps should say about it."""
    call, decision = session.call, session.decision
    if decision is None or decision.hidden or call.ended_at is not None:
        return {}
    glow = _glow(session, rules)
    shown: dict[str, Glow] = {}
    for leg in call.legs.values():
        who = rules.roster.who(leg) if leg.alive and leg.joined_at is not None else None
        if who is not None and who[1] is Party.INTERNAL and who[0].kind is SubjectKind.EXTENSION:
            shown[who[0].name] = glow
    return shown


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
