"""Listening: what people ask for with keys, codes, digits and the standing switch. Pure."""

from __future__ import annotations

from types import MappingProxyType

from controller.core import (
    consent,
    recording,
    wishes,
)
from controller.core import keypad as keypads
from controller.core.altered import replace
from controller.core.calls import is_room
from controller.core.commands import (
    Allow,
    Command,
    LegId,
    Press,
    Refuse,
    SetTimer,
    Switch,
)
from controller.core.consent import Entry, Standing
from controller.core.decision import Decision, Grant, Mode, SubjectKind
from controller.core.events import (
    Asked,
    AskedBy,
    DigitPressed,
    Event,
    PolicyChanged,
    SwitchDialled,
    TimerFired,
)
from controller.core.policy import Policy
from controller.core.roster import Party
from controller.core.state import Outcome, Session, is_on, learned, marked, side_of, why_stranger
from controller.core.subjects import party
from hardware.guard import Blank, Said
from hardware.keys import Key

QUIET = "quiet"


def refusal(session: Session, asked: Asked, rules: Policy) -> str:
    """Why this request would be refused now; "" where it would be granted. Changes nothing."""
    if session.decision is None:
        return "nothing is decided yet"
    stranger = why_stranger(session, asked.leg, rules) if asked.door is AskedBy.LEG else ""
    return wishes.update(session.wish, asked, session.decision, session.call, stranger)[1]


def asked(session: Session, event: Event, rules: Policy) -> Outcome:
    decision = session.decision
    if not isinstance(event, Asked) or decision is None:
        return session, ()
    event = _named(session, event, rules)
    stranger = why_stranger(session, event.leg, rules) if event.door is AskedBy.LEG else ""
    wish, refusal = wishes.update(session.wish, event, decision, session.call, stranger)
    if refusal:
        refused = Refuse(event.call, event.by, event.key.value, refusal)
        return marked(session, "refused", event.at, event.by, f"{event.key.value}: {refusal}"), (refused,)
    if session.recording is not None:
        session = replace(session, recording=recording.trying_again(session.recording))
    session = marked(replace(session, wish=wish), "key", event.at, event.by, event.key.value)
    return _spoken_for(session, event, rules, decision)


def _spoken_for(session: Session, event: Asked, rules: Policy, decision: Decision) -> Outcome:
    """With the keys for consent and refusal our people say what the others told them: that is evidence too, and a
    refusal has the same consequences as if they had pressed the key themselves."""
    parted: list[Command] = []
    if event.key not in (Key.AGREE, Key.REFUSE):
        return session, ()
    for leg in session.call.legs.values():
        if not leg.alive or leg.local or leg.joined_at is None or party(leg, rules.roster) is Party.INTERNAL:
            continue
        before = consent.standing(session.consent, leg.id)
        told = before in (Standing.INFORMED, Standing.AGREED)
        said = Standing.AGREED if event.key is Key.AGREE else Standing.WITHDRAWN if told else Standing.REFUSED
        session = learned(session, leg.id, Entry(said, event.at, how=f"told to {event.by}"))
        if event.key is Key.REFUSE and before not in (Standing.REFUSED, Standing.WITHDRAWN):
            language = session.announcing.language or decision.options.language
            parted.extend(consent.parted(session.call.id, leg.id, decision.options, language))
    return session, tuple(parted)


def switched(session: Session, event: Event, rules: Policy) -> tuple[Command, ...]:
    """Somebody dialled the standing switch; whether a rule lets him is asked again at every call."""
    leg = session.call.legs.get(event.leg) if isinstance(event, SwitchDialled) else None
    if leg is None or not isinstance(event, SwitchDialled):
        return ()
    who = rules.roster.who(leg)
    if who is None or who[1] is not Party.INTERNAL or who[0].kind is not SubjectKind.EXTENSION:
        return (Switch(session.call.id, leg.id, "", False, "only extensions can switch their recording"),)
    name = who[0].name
    on = name not in rules.standing if event.on is None else event.on
    return (Switch(session.call.id, leg.id, name, on),)


def stood(session: Session, rules: Policy) -> Session:
    """Who wants all his calls recorded need not ask in each: but only as far as he might, and until somebody does."""
    decision = session.decision
    if (
        decision is None
        or not rules.standing
        or session.wish.record is not None
        or Grant.START not in decision.grants
    ):
        return session
    people = (owner for owner in decision.owners if owner.kind is SubjectKind.EXTENSION)
    wanting = next((owner for owner in people if owner.name in rules.standing), None)
    if wanting is None:
        return session
    return replace(session, wish=replace(session.wish, record=True, keep=True, by=f"standing wish of {wanting}"))


def typed(session: Session, event: Event, rules: Policy) -> Outcome:
    """Digits: codes of our own people become presses, and digits of the others blank the recording for a while."""
    if isinstance(event, TimerFired) and event.timer == QUIET:
        pad, said = keypads.tick(session.keypad, event.at)
        return watched_over(replace(session, keypad=pad), event.at, said)
    if not isinstance(event, DigitPressed) or session.decision is None or session.decision.mode is Mode.NEVER:
        return session, ()
    leg = session.call.legs.get(event.leg)
    who = rules.roster.who(leg) if leg is not None else None
    codes = (rules.codes(who[0]) if who is not None else None) or keypads.NO_CODES
    if why_stranger(session, event.leg, rules):
        codes = keypads.NO_CODES
    side, guarded = side_of(session, event.leg, rules), session.decision.options.dtmf_guard
    pad, key, said = keypads.press(session.keypad, event, side, codes, guarded)
    session, commands = watched_over(replace(session, keypad=pad), event.at, said)
    if key is None:
        return session, commands
    return session, (*commands, Press(session.call.id, event.leg, key, "code"))


def watched_over(session: Session, at: float, said: list[Said]) -> Outcome:
    """The marks by which the finished file is silenced, and the timer that ends it."""
    for each in said:
        if isinstance(each, Blank):
            session = marked(session, "blank", each.since, "", "digits of another party")
        else:
            session = marked(session, "unblank", each.until, "", "")
    wait = keypads.wake_in(session.keypad, at)
    return session, (() if wait is None else (SetTimer(session.call.id, QUIET, wait),))


def _named(session: Session, asked: Asked, rules: Policy) -> Asked:
    """Drivers know only by what means a leg asked; who sits there is for the record too (V-16)."""
    leg = session.call.legs.get(asked.leg) if asked.leg is not None else None
    who = rules.roster.who(leg) if leg is not None and asked.door is AskedBy.LEG else None
    return asked if who is None else replace(asked, by=f"{who[0]} ({asked.by})")


def armed(session: Session, event: Event, rules: Policy) -> Outcome:
    """Tell phones beforehand what they may ask for, so that a press that we would refuse gets a real 403."""
    call, decision = session.call, session.decision
    if decision is None or is_room(call.id):
        return session, ()
    armed: dict[LegId, Allow] = {}
    for leg in call.legs.values():
        if not leg.alive or leg.local or why_stranger(session, leg.id, rules):
            continue
        keys = wishes.allowed(session.wish, decision, call, leg.id)
        who = rules.roster.who(leg)
        here = decision.mode is not Mode.NEVER and leg.id not in call.in_room
        codes = here and who is not None and rules.codes(who[0]) is not None
        allow = Allow(call.id, leg.id, keys if rules.record_key else frozenset(), codes)
        if allow.keys or allow.codes:
            armed[leg.id] = allow
    # With a new policy, and when the link is back, all our legs are told anew: what was said to a PBX that did not
    # listen, or by an earlier life of ours under other rules, would have a phone believe what is not so.
    anew = isinstance(event, PolicyChanged)
    if armed == session.armed and not anew:
        return session, ()
    ours = (leg for leg in call.legs.values() if not leg.local and party(leg, rules.roster) is Party.INTERNAL)
    known = [leg.id for leg in ours] if anew else list(session.armed)
    changed = [allow for leg, allow in armed.items() if anew or session.armed.get(leg) != allow]
    disarmed = [Allow(call.id, leg, frozenset()) for leg in known if leg not in armed and is_on(call, leg)]
    return replace(session, armed=MappingProxyType(armed)), (*changed, *disarmed)
