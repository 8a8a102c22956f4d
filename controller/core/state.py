"""State: what is remembered of one call between two events, and small questions to it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from controller.core import (
    announcing,
    beeping,
    consent,
    gate,
    recording,
    reminding,
    wishes,
)
from controller.core import keypad as keypads
from controller.core.altered import replace
from controller.core.announcing import Announcing
from controller.core.beeping import Beeping
from controller.core.calls import Call, is_room
from controller.core.commands import (
    Allow,
    CallId,
    Command,
    LegId,
)
from controller.core.consent import Entry, Ledger, Standing
from controller.core.decision import Decision, Subject
from controller.core.keypad import Keypad
from controller.core.policy import Policy
from controller.core.recording import Recording
from controller.core.reminding import Reminding
from controller.core.roster import Party
from controller.core.subjects import party
from controller.core.wishes import Wish


@dataclass(frozen=True, slots=True)
class Session:
    """One call with everything that was decided and done about it.

    `decision` is for the call as it stands now. `verdict` is the one that goes into the catalogue: what was decided
    while people talked (or, where they never did, before the end); hanging up must not rewrite history.
    """

    call: Call
    decision: Decision | None = None
    verdict: Decision | None = None
    owners: tuple[Subject, ...] = ()
    wish: Wish = wishes.NOBODY_ASKED
    recording: Recording | None = None
    keypad: Keypad = keypads.UNTOUCHED
    armed: Mapping[LegId, Allow] = field(default_factory=lambda: MappingProxyType({}))  # as phones were told
    consent: Ledger = field(default_factory=lambda: consent.EMPTY)
    gates: gate.Waits = field(default_factory=lambda: gate.NOBODY)
    announcing: Announcing = announcing.IDLE
    reminding: Reminding = reminding.IDLE
    beeping: Beeping = beeping.IDLE
    early: LegId | None = None  # is about to be bridged: record before it is
    waiting: bool = False  # in the gate, for its recorder to be confirmed
    apart: Decision | None = None  # about a consultation that goes on within this call
    aside: Recording | None = None  # and its recorder
    rest: tuple[Recording, ...] = ()  # of calls that were merged into this one: to be stopped and handed over too
    delayed: bool = False  # the delay timer was set
    delay_over: bool = False
    too_long: bool = False
    handed_over: bool = False


Outcome = tuple[Session, tuple[Command, ...]]


def begin(call: CallId, at: float) -> Session:
    """The session of a call that was just heard of."""
    return Session(Call(id=call, began_at=at))


def about_to_talk(session: Session) -> bool:
    return session.early is not None and is_on(session.call, session.early)


def learned(session: Session, leg: LegId, entry: Entry) -> Session:
    session = replace(session, consent=consent.noted(session.consent, leg, entry))
    # One member's refusal is no order to delete what a conference said before he came: see consent.forbids.
    if entry.standing in (Standing.REFUSED, Standing.WITHDRAWN) and not is_room(session.call.id):
        session = replace(session, wish=replace(session.wish, refused=True, by=entry.how))
    elif entry.standing in (Standing.REFUSED, Standing.WITHDRAWN) and (since := _in_since(session.call, leg)):
        session = marked(session, "blank", since, entry.how, "a member who refused")
        session = marked(session, "unblank", entry.at, "", "")
    return marked(session, entry.standing.value, entry.at, entry.how, entry.prompt)


def _in_since(call: Call, leg: LegId) -> float | None:
    known = call.legs.get(leg)
    return known.joined_at if known is not None else None


def side_of(session: Session, leg: LegId | None, rules: Policy) -> Party:
    known = session.call.legs.get(leg) if leg is not None else None
    return Party.UNKNOWN if known is None else party(known, rules.roster)


def why_stranger(session: Session, leg: LegId | None, rules: Policy) -> str:
    """Why this leg may command nothing; "" where it may."""
    known = session.call.legs.get(leg) if leg is not None else None
    who = rules.roster.who(known) if known is not None else None
    if session.decision is None:
        return "nothing is decided yet"
    return wishes.stranger(session.decision, side_of(session, leg, rules), who[0] if who is not None else None)


def is_on(call: Call, leg: LegId) -> bool:
    known = call.legs.get(leg)
    return known is not None and known.alive


def marked(session: Session, kind: str, at: float, by: str, note: str) -> Session:
    if session.recording is None:
        return session
    return replace(session, recording=recording.marked(session.recording, kind, at, by, note))
