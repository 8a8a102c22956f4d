"""The whole story of one call, top to bottom: hear an event, decide, listen to people, close the gap, hand over."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from controller.core import (
    announcing,
    aside,
    calls,
    consent,
    failures,
    gate,
    pauses,
    policy,
    recording,
    reminding,
    wishes,
)
from controller.core import keypad as keypads
from controller.core.altered import replace
from controller.core.announcing import Announcing
from controller.core.calls import Call, Leg, company, is_room, talking
from controller.core.commands import (
    Allow,
    CallId,
    CancelTimer,
    Command,
    HandOver,
    LegId,
    Open,
    Press,
    RecordingId,
    Refuse,
    SetTimer,
    Side,
    Switch,
    pbx_of,
)
from controller.core.consent import Entry, Ledger, Standing
from controller.core.decision import Decision, Grant, Mode, Options, StartPoint, Subject, SubjectKind
from controller.core.events import (
    Asked,
    AskedBy,
    Beeped,
    ConsentKeyed,
    DigitPressed,
    Done,
    Event,
    Failed,
    GateReached,
    GateReady,
    LegEnded,
    LegJoined,
    LegLeft,
    NoticePlayed,
    PolicyChanged,
    QueueLeft,
    RecorderFound,
    RecorderLost,
    SwitchDialled,
    TimerFired,
)
from controller.core.holding import muted
from controller.core.keypad import Keypad
from controller.core.policy import Policy
from controller.core.recording import Recording, State
from controller.core.reminding import Reminding
from controller.core.roster import Party
from controller.core.subjects import anchor, direction, is_consultation, party
from controller.core.wishes import Wish
from hardware.guard import Blank, Said
from hardware.keys import Key

START_DELAY = "start"
MOST_LENGTH = "max-length"
TOLD = (*announcing.TIMERS, reminding.AGAIN)
ENDINGS = (LegLeft, LegEnded, QueueLeft, Failed, RecorderLost)
"""After these there is less of a call than before (the last two tell that a leg is gone)."""
QUIET = "quiet"
BEFORE_SECONDS = 0.05
"""How much earlier than we hear of it somebody may have been connected."""


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
    gates: Mapping[LegId, gate.Asked] = field(default_factory=lambda: MappingProxyType({}))  # what they are asked
    announcing: Announcing = announcing.IDLE
    reminding: Reminding = reminding.IDLE
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


def step(session: Session, event: Event, rules: Policy, acting: bool = True) -> Outcome:
    """What this event changes, and what is to be asked for. Pure: the same input gives the same output, always.

    `acting` False: the link is down or its snapshot not complete, so listen and decide, but ask the PBX for nothing.
    """
    call = calls.update(_without_gone_leg(session, event), event)
    changed = call is not session.call
    session = replace(session, call=call) if changed else session
    if changed or session.decision is None or isinstance(event, PolicyChanged):
        session = _decided(session, rules, isinstance(event, ENDINGS))
    if isinstance(event, PolicyChanged) and session.recording is not None:
        session = replace(session, recording=recording.trying_again(session.recording))
    before = session
    session, answers = _asked(session, event, rules)
    session, typed = _typed(session, event, rules)
    typed = (*typed, *_switched(session, event, rules))
    session = _stood(session, rules)
    session, opened = _gated(session, event, rules)
    session, announced = _announced(session, event, rules, acting)
    session = _noticed(session, event)
    session, timers = _timed(session, event)
    session, lasting = _lasting(session, before.wish, event)
    want = wanted(session, rules)
    session, commands = _recorded(session, event, want, rules, acting)
    session, through = _let_through(session, want)
    session, failing = _failing(session, before.recording, event, rules)
    session, reminded = _reminded(session, before.recording, event, rules, acting)
    session, told = _armed(session, rules) if acting and rules.arms else (session, ())
    session, last = _handed_over(session)
    asked = (*answers, *typed, *opened, *announced, *timers, *lasting, *commands)
    return session, (*asked, *through, *failing, *reminded, *told, *last)


def _without_gone_leg(session: Session, event: Event) -> Call:
    """An answer which says that a leg is gone is as good as that leg's end, and often comes first: without it the
    next start would go to the very channel that just hung up."""
    if not isinstance(event, (Failed, RecorderLost)) or not event.leg_gone:
        return session.call
    if isinstance(event, Failed):
        return calls.update(session.call, LegEnded(event.call, event.at, event.command.leg, "gone"))
    carriers = [
        segment.leg
        for each in (session.recording, session.aside, *session.rest)
        if each is not None and each.id == event.recording
        for segment in each.segments
        if segment.number == event.segment
    ]
    return (
        calls.update(session.call, LegEnded(event.call, event.at, carriers[0], "gone")) if carriers else session.call
    )


def merge(session: Session, other: Session, rules: Policy) -> Session:
    """Two calls became one. One recording goes on; another one that ran is stopped and handed over with this call."""
    kept, more = session.recording, other.recording
    about = _is_about(other, session, rules)
    if about and more is not None:
        more = replace(more, consultation=True, owners=other.owners)
    elif kept is None or (more is not None and kept.settled and not more.settled):
        kept, more = more, kept
    rest = (*session.rest, *other.rest, *(each for each in (other.aside, more) if each is not None))
    merged = replace(
        session,
        call=calls.merge(session.call, other.call),
        recording=kept,
        rest=rest,
        wish=_joined(session.wish, other.wish),
        armed=MappingProxyType({**other.armed, **session.armed}),
        consent=consent.joined(session.consent, other.consent),
        owners=session.owners if about else _union(session.owners, other.owners),
        verdict=session.verdict or other.verdict,
        handed_over=False,
    )
    return _decided(merged, rules)


def _is_about(other: Session, session: Session, rules: Policy) -> bool:
    """Whether the other call was a consultation about this one: placed by somebody with this one's party on hold, or
    later, among people of the house only, while an outside party was here."""
    if is_consultation(other.call, rules.roster) and other.call.consults == session.call.id:
        return True
    outside = [any(_is_outside(leg, rules) for leg in one.call.legs.values()) for one in (other, session)]
    return other.call.began_at > session.call.began_at and outside == [False, True]


def _is_outside(leg: Leg, rules: Policy) -> bool:
    return leg.joined_at is not None and party(leg, rules.roster) is Party.EXTERNAL


def _joined(wish: Wish, other: Wish) -> Wish:
    """What people asked for on either call; what was asked to be kept stays so."""
    first = wish if wish.record is not None or wish.paused else other
    return replace(first, keep=wish.keep or other.keep, refused=wish.refused or other.refused)


def wanted(session: Session, rules: Policy | None = None) -> State:
    """OFF, ON or PAUSED: from call, rule, wish and consent alone."""
    decision, call = session.decision, session.call
    if decision is None or decision.hidden or call.ended_at is not None or session.too_long:
        return State.OFF
    if not wishes.recording_wished(decision, session.wish) or not _begun(session, decision.options):
        return State.OFF
    if _over_for_now(call) or (rules is not None and _forbidden(session, decision, rules)):
        return State.OFF
    if announcing.holds_back(session.announcing, decision.options):
        return State.PAUSED if recording.has_begun(session.recording) else State.OFF
    return State.PAUSED if session.wish.paused or session.keypad.blanking or _muted(session) else State.ON


def _forbidden(session: Session, decision: Decision, rules: Policy) -> str:
    """Why a party's word stands against recording; asked only where anything is ever announced."""
    if not session.consent and not rules.asks:
        return ""
    way = direction(session.call, rules.roster)
    return consent.forbids(session.call, session.consent, decision.options, way, rules.roster)


def _muted(session: Session) -> bool:
    return session.decision is not None and muted(session.call, session.recording, session.decision.options.hold)


def _begun(session: Session, options: Options) -> bool:
    return (_ready(session.call, options) or _about_to_talk(session)) and (options.delay <= 0 or session.delay_over)


def _about_to_talk(session: Session) -> bool:
    return session.early is not None and _on(session.call, session.early)


def _ready(call: Call, options: Options) -> bool:
    talked = call.talked_at is not None
    match options.start:
        case StartPoint.BRIDGE:
            return talked
        case StartPoint.ANSWER:
            return talked or call.answered_at is not None
        case StartPoint.RING:
            return talked or call.answered_at is not None or call.rang_at is not None


def _over_for_now(call: Call) -> bool:
    """A conference with one member left, or a queue's caller whose agent has gone: nobody talks."""
    return (is_room(call.id) or call.queue_over) and call.talked_at is not None and not talking(call)


def _decided(session: Session, rules: Policy, ending: bool = False) -> Session:
    """`ending`: somebody left, or the call left its queue. That he is gone says nothing about who was there."""
    main, consultation = aside.split(session.call, rules.roster)
    apart = policy.decide(rules, consultation) if consultation is not None else None
    if apart != session.apart:
        session = replace(session, apart=apart)
    decision, old, call = policy.decide(rules, main), session.decision, session.call
    if decision == old == session.verdict:
        return session
    heard = bool(talking(call))
    if decision == old and not heard:
        return session
    if old is not None and old.mode is Mode.NEVER and not heard and (ending or call.talked_at is not None):
        # Otherwise the end of a call with an excluded number would start a recording of whoever hangs up last.
        decision = decision if decision.mode is Mode.NEVER else old
    session = replace(session, decision=decision)
    if session.recording is not None and old is not None and old.mode is not decision.mode:
        session = replace(session, recording=recording.trying_again(session.recording))
    if call.ended_at is not None or not (heard or (call.talked_at is None and not ending)):
        return session
    if decision.mode is Mode.NEVER and recording.has_begun(session.recording):
        return session  # handed on to somebody whom no rule wants: why it was recorded stays true
    return replace(session, verdict=decision)


def refusal(session: Session, asked: Asked, rules: Policy) -> str:
    """Why this request would be refused now; "" where it would be granted. Changes nothing."""
    if session.decision is None:
        return "nothing is decided yet"
    stranger = _stranger(session, asked.leg, rules) if asked.door is AskedBy.LEG else ""
    return wishes.update(session.wish, asked, session.decision, session.call, stranger)[1]


def _asked(session: Session, event: Event, rules: Policy) -> Outcome:
    if not isinstance(event, Asked) or session.decision is None:
        return session, ()
    event = _named(session, event, rules)
    stranger = _stranger(session, event.leg, rules) if event.door is AskedBy.LEG else ""
    wish, refusal = wishes.update(session.wish, event, session.decision, session.call, stranger)
    if refusal:
        refused = Refuse(event.call, event.by, event.key.value, refusal)
        return _marked(session, "refused", event.at, event.by, f"{event.key.value}: {refusal}"), (refused,)
    if session.recording is not None:
        session = replace(session, recording=recording.trying_again(session.recording))
    session = _marked(replace(session, wish=wish), "key", event.at, event.by, event.key.value)
    return _spoken_for(session, event, rules), ()


def _spoken_for(session: Session, event: Asked, rules: Policy) -> Session:
    """With the keys for consent and refusal our people say what the others told them: that is evidence too."""
    if event.key not in (Key.AGREE, Key.REFUSE):
        return session
    for leg in session.call.legs.values():
        if not leg.alive or leg.local or leg.joined_at is None or party(leg, rules.roster) is Party.INTERNAL:
            continue
        before = consent.standing(session.consent, leg.id)
        told = before in (Standing.INFORMED, Standing.AGREED)
        said = Standing.AGREED if event.key is Key.AGREE else Standing.WITHDRAWN if told else Standing.REFUSED
        session = _learned(session, leg.id, Entry(said, event.at, how=f"told to {event.by}"))
    return session


def _gated(session: Session, event: Event, rules: Policy) -> Outcome:
    """What happens in our part of the dialplan: who is to hear what, what they heard, and what they said."""
    match event:
        case GateReached():
            word, asked = gate.open_with(session.call, event, session.consent, rules)
            if asked is not None:
                session = replace(session, gates=MappingProxyType({**session.gates, event.leg: asked}))
            return session, (word,)
        case NoticePlayed() if not event.notice:
            asked = session.gates.get(event.leg)
            if asked is None or not event.whole:
                return session, ()
            return _learned(session, event.leg, Entry(Standing.INFORMED, event.at, asked.prompt, "at the gate")), ()
        case ConsentKeyed() if event.leg not in session.announcing.awaited:
            return _answered(session, event)
        case GateReady():
            return replace(session, early=event.leg, waiting=True), ()
        case _:
            return session, ()


def _answered(session: Session, event: ConsentKeyed) -> Outcome:
    asked = session.gates.get(event.leg)
    if asked is None:
        return session, (Open(session.call.id, event.leg, gate.GO),)
    said = consent.answered(asked.announce, event.digit)
    how = f"key {event.digit}" if event.digit else "no key"
    session = _learned(session, event.leg, Entry(said, event.at, asked.prompt, how))
    if said is not Standing.REFUSED:
        return session, (Open(session.call.id, event.leg, gate.GO),)
    word = gate.END if asked.refused_ends else gate.REFUSED
    return session, (Open(session.call.id, event.leg, word, "refused", asked.language),)


def _learned(session: Session, leg: LegId, entry: Entry) -> Session:
    session = replace(session, consent=consent.noted(session.consent, leg, entry))
    if entry.standing in (Standing.REFUSED, Standing.WITHDRAWN):
        session = replace(session, wish=replace(session.wish, refused=True, by=entry.how))
    return _marked(session, entry.standing.value, entry.at, entry.how, entry.prompt)


def _announced(session: Session, event: Event, rules: Policy, acting: bool) -> Outcome:
    """Those who talk and were not told at a gate."""
    decision = session.decision
    if not rules.announces or decision is None or session.call.ended_at is not None or is_room(session.call.id):
        return session, ()
    state, told, commands = announcing.hear(session.announcing, session.call, decision.options, event)
    session = replace(session, announcing=announcing.again(state, event))
    for leg, entry in told:
        session = _learned(session, leg, entry)
    state, call = session.announcing, aside.split(session.call, rules.roster)[0]
    way = direction(call, rules.roster)
    wished = not decision.hidden and wishes.recording_wished(decision, session.wish) and not session.wish.refused
    soon = wished and _about_to_talk(session)
    ledger = session.consent
    state = (
        announcing.look(state, call, ledger, decision.options, way, rules.roster, soon)
        if wished
        else replace(state, untold=())
    )
    session = _unheard(replace(session, announcing=state), decision.options, event.at)
    if acting:
        state, more = announcing.tell(session.announcing, call, decision.options, way)
        session, commands = replace(session, announcing=state), (*commands, *more)
    return session, commands


def _unheard(session: Session, options: Options, at: float) -> Session:
    """What a newcomer says before the recorder is paused for him is silenced in the finished file (F-050)."""
    state, current = session.announcing, session.recording
    if state.blanked and not state.untold:
        return _marked(replace(session, announcing=replace(state, blanked=False)), "unblank", at, "", "")
    runs = current is not None and current.state is State.ON
    if not runs or state.blanked or not announcing.holds_back(state, options):
        return session
    blanked = replace(session, announcing=replace(state, blanked=True))
    return _marked(blanked, "blank", at - BEFORE_SECONDS, "", "somebody who has not been told yet")


def _reminded(session: Session, before: Recording | None, event: Event, rules: Policy, acting: bool) -> Outcome:
    """Notices that recording starts, stops, pauses or goes on, and beeps while it runs."""
    decision, call = session.decision, session.call
    if not rules.reminds or decision is None or session.recording is None:
        return session, ()
    state = reminding.hear(session.reminding, event)
    scene = reminding.Scene(call, decision.options, session.consent, direction(call, rules.roster), rules.roster)
    commands: tuple[Command, ...] = ()
    if acting and call.ended_at is None:
        state, commands = reminding.step(state, before, session.recording, session.wish.paused, scene)
    session = replace(session, reminding=state)
    if isinstance(event, Beeped):
        note = f"every {decision.options.beep:g} s" if event.heard else "could not be played"
        session = _marked(session, "beep" if event.heard else "failed", event.at, "", f"beeps: {note}")
    return session, (*commands, *reminding.retry(event))


def _let_through(session: Session, want: State) -> Outcome:
    """Who waits to be bridged goes on once the recorder is confirmed, or where there is none to wait for."""
    if session.early is None or not session.waiting:
        return session, ()
    current = session.recording
    waiting = want is not State.OFF and (current is None or (current.state is State.OFF and not current.given_up))
    if waiting:
        return session, ()
    return replace(session, waiting=False), (Open(session.call.id, session.early, gate.GO),)


def _switched(session: Session, event: Event, rules: Policy) -> tuple[Command, ...]:
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


def _stood(session: Session, rules: Policy) -> Session:
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


def _typed(session: Session, event: Event, rules: Policy) -> Outcome:
    """Digits: codes of our own people become presses, and digits of the others blank the recording for a while."""
    if isinstance(event, TimerFired) and event.timer == QUIET:
        pad, said = keypads.tick(session.keypad, event.at)
        return _guarded(replace(session, keypad=pad), event.at, said)
    if not isinstance(event, DigitPressed) or session.decision is None or session.decision.mode is Mode.NEVER:
        return session, ()
    leg = session.call.legs.get(event.leg)
    who = rules.roster.who(leg) if leg is not None else None
    codes = (rules.codes(who[0]) if who is not None else None) or keypads.NO_CODES
    if _stranger(session, event.leg, rules):
        codes = keypads.NO_CODES
    side, guarded = _side(session, event.leg, rules), session.decision.options.dtmf_guard
    pad, key, said = keypads.press(session.keypad, event, side, codes, guarded)
    session, commands = _guarded(replace(session, keypad=pad), event.at, said)
    if key is None:
        return session, commands
    return session, (*commands, Press(session.call.id, event.leg, key, "code"))


def _guarded(session: Session, at: float, said: list[Said]) -> Outcome:
    """The marks by which the finished file is silenced, and the timer that ends it."""
    for each in said:
        if isinstance(each, Blank):
            session = _marked(session, "blank", each.since, "", "digits of another party")
        else:
            session = _marked(session, "unblank", each.until, "", "")
    wait = keypads.wake_in(session.keypad, at)
    return session, (() if wait is None else (SetTimer(session.call.id, QUIET, wait),))


def _named(session: Session, asked: Asked, rules: Policy) -> Asked:
    """Drivers know only by what means a leg asked; who sits there is for the record too (V-16)."""
    leg = session.call.legs.get(asked.leg) if asked.leg is not None else None
    who = rules.roster.who(leg) if leg is not None and asked.door is AskedBy.LEG else None
    return asked if who is None else replace(asked, by=f"{who[0]} ({asked.by})")


def _side(session: Session, leg: LegId | None, rules: Policy) -> Party:
    known = session.call.legs.get(leg) if leg is not None else None
    return Party.UNKNOWN if known is None else party(known, rules.roster)


def _stranger(session: Session, leg: LegId | None, rules: Policy) -> str:
    """Why this leg may command nothing; "" where it may."""
    known = session.call.legs.get(leg) if leg is not None else None
    who = rules.roster.who(known) if known is not None else None
    if session.decision is None:
        return "nothing is decided yet"
    return wishes.stranger(session.decision, _side(session, leg, rules), who[0] if who is not None else None)


def _armed(session: Session, rules: Policy) -> Outcome:
    """Tell phones beforehand what they may ask for, so that a press that we would refuse gets a real 403."""
    call, decision = session.call, session.decision
    if decision is None or is_room(call.id):
        return session, ()
    armed: dict[LegId, Allow] = {}
    for leg in call.legs.values():
        if not leg.alive or leg.local or _stranger(session, leg.id, rules):
            continue
        keys = wishes.allowed(session.wish, decision, call, leg.id)
        who = rules.roster.who(leg)
        here = decision.mode is not Mode.NEVER and leg.id not in call.in_room
        codes = here and who is not None and rules.codes(who[0]) is not None
        allow = Allow(call.id, leg.id, keys if rules.record_key else frozenset(), codes)
        if allow.keys or allow.codes:
            armed[leg.id] = allow
    if armed == session.armed:
        return session, ()
    changed = [allow for leg, allow in armed.items() if session.armed.get(leg) != allow]
    disarmed = [Allow(call.id, leg, frozenset()) for leg in session.armed if leg not in armed and _on(call, leg)]
    return replace(session, armed=MappingProxyType(armed)), (*changed, *disarmed)


def _on(call: Call, leg: LegId) -> bool:
    known = call.legs.get(leg)
    return known is not None and known.alive


def _marked(session: Session, kind: str, at: float, by: str, note: str) -> Session:
    if session.recording is None:
        return session
    return replace(session, recording=recording.marked(session.recording, kind, at, by, note))


def _noticed(session: Session, event: Event) -> Session:
    if not isinstance(event, TimerFired):
        return session
    if event.timer == START_DELAY:
        return replace(session, delay_over=True)
    if event.timer == MOST_LENGTH and session.recording is not None:
        session = _marked(session, "max-length", event.at, "", "stopped at the longest allowed length")
        return replace(session, too_long=True)
    return session


def _timed(session: Session, event: Event) -> Outcome:
    """Timers of the rule: the delay after the start point, and the longest length from the first confirmed start."""
    decision = session.decision
    if decision is None or decision.mode is Mode.NEVER:
        return session, ()
    options, commands = decision.options, []
    if options.delay > 0 and not session.delayed and _ready(session.call, options):
        session = replace(session, delayed=True)
        commands.append(SetTimer(session.call.id, START_DELAY, options.delay))
    first = session.recording.segments[0].start if session.recording and session.recording.segments else None
    if isinstance(event, Done) and event.command == first and options.max_length > 0:
        commands.append(SetTimer(session.call.id, MOST_LENGTH, options.max_length))
    return session, tuple(commands)


def _lasting(session: Session, before: Wish, event: Event) -> Outcome:
    """A pause that was forgotten."""
    if session.decision is None:
        return session, ()
    wish, commands, note = pauses.step(session.call.id, before, session.wish, session.decision.options, event)
    if wish is session.wish:
        return session, commands
    return _marked(replace(session, wish=wish), "key", event.at, pauses.AUTO_RESUME, note), commands


def _failing(session: Session, before: Recording | None, event: Event, rules: Policy) -> Outcome:
    """Starting was given up just now."""
    current = session.recording
    if current is None or not current.given_up or session.decision is None:
        return session, ()
    where, options = _anchor(session, current, rules), session.decision.options
    commands = failures.step(session.call.id, before, current, options, where)
    if commands:
        session = _marked(session, failures.NOT_RECORDED, event.at, "", "its people are told")
    return session, commands


def _recorded(session: Session, event: Event, want: State, rules: Policy, acting: bool) -> Outcome:
    session, more = _beside(session, event, rules, acting)
    session, commands = _in_conversation(session, event, want, rules, acting)
    return session, (*commands, *more)


def _in_conversation(session: Session, event: Event, want: State, rules: Policy, acting: bool) -> Outcome:
    current = session.recording
    if current is None:
        identity = event.recording if isinstance(event, RecorderFound) else None
        if identity is None and want is not State.ON:
            return session, ()
        current = Recording(session.call.id, identity or recording_id(session.call.id))
    elif isinstance(event, RecorderFound) and not current.segments and current.asked is None:
        current = replace(current, id=event.recording)  # the dialplan has begun it, under a name of its own
    by = recording.ON_HOLD if _muted(session) and not session.wish.paused else session.wish.by
    by = announcing.BY if session.announcing.untold and not session.wish.paused else by
    current, heard = recording.hear(current, event, want, by)
    ended_at = session.call.ended_at
    if ended_at is not None:
        return replace(session, recording=_cut_short(current, ended_at)), heard
    asked: tuple[Command, ...] = ()
    if acting:
        side = session.decision.options.pause_side if session.decision else Side.BOTH
        if session.keypad.blanked or (_muted(session) and not session.wish.paused) or session.announcing.untold:
            side = Side.BOTH  # tones of one party come back as an echo from the other
        # Whom a recorder hears can change with a new arrival only, and counts from its start on.
        leg = _anchor(session, current, rules) if current.settled or isinstance(event, LegJoined) else None
        near = _company(session, leg, rules)
        current, asked = recording.close(recording.meet(current, near), want, leg, side, near)
    owners, verdict = session.owners, session.verdict
    if want is not State.OFF and session.decision is not None:
        owners, verdict = _union(owners, session.decision.owners), session.decision
    if current is not session.recording or verdict is not session.verdict or owners is not session.owners:
        session = replace(session, recording=current, owners=owners, verdict=verdict)
    return session, (*heard, *asked)


def _beside(session: Session, event: Event, rules: Policy, acting: bool) -> Outcome:
    """What is no recording of the conversation itself: a consultation within the call, and what comes to an end."""
    if session.aside is None and session.apart is None and not session.rest:
        return session, ()
    ended_at = session.call.ended_at
    rest, commands = _wound_down(session.rest, event, acting)
    current, more = _consulted(session, event, rules, acting)
    if current is not None and (session.apart is None or ended_at is not None):
        rest, current = (*rest, current), None
    if ended_at is not None:
        rest = tuple(_cut_short(old, ended_at) for old in rest)
    return replace(session, aside=current, rest=rest), (*commands, *more)


def _consulted(
    session: Session, event: Event, rules: Policy, acting: bool
) -> tuple[Recording | None, tuple[Command, ...]]:
    """The consultation's recording: whatever its people's own rules want at all times is on while it goes on."""
    apart, current, call = session.apart, session.aside, session.call
    want = State.OFF
    if apart is not None and not apart.hidden and apart.mode in _AT_ALL_TIMES and call.ended_at is None:
        want = State.PAUSED if session.wish.paused else State.ON
    if current is None:
        if want is not State.ON or apart is None:
            return None, ()
        number = 1 + sum(old.consultation for old in session.rest)
        name = aside.recording_id(recording_id(call.id), number)
        current = Recording(call.id, name, consultation=True, owners=apart.owners)
    current, heard = recording.hear(current, event, want)
    if not acting or call.ended_at is not None:
        return current, heard
    consultation = aside.split(call, rules.roster)[1] if current.settled else None
    leg = anchor(consultation, rules.roster) if consultation is not None else None
    current, asked = recording.close(current, want, leg, Side.BOTH)
    return current, (*heard, *asked)


_AT_ALL_TIMES = (Mode.ALWAYS, Mode.ALWAYS_WITH_PAUSE)


def _anchor(session: Session, current: Recording, rules: Policy) -> LegId | None:
    segment = current.segment
    running = segment.leg if segment is not None and segment.ended_at is None else None
    return anchor(session.call, rules.roster, running)


def _company(session: Session, leg: LegId | None, rules: Policy) -> frozenset[LegId]:
    """Whom the recorder on this leg hears, where its PBX makes that a question."""
    call = session.call
    return company(call, leg) if leg is not None and pbx_of(call.id) in rules.renews else frozenset()


def _wound_down(
    rest: tuple[Recording, ...], event: Event, acting: bool
) -> tuple[tuple[Recording, ...], tuple[Command, ...]]:
    """Recordings of merged calls: wanted by nobody any more, in their own right."""
    if not rest:
        return rest, ()
    kept: list[Recording] = []
    commands: list[Command] = []
    for old in rest:
        stepped, asked = recording.hear(old, event, State.OFF)
        commands.extend(asked)
        if acting:
            stepped, asked = recording.close(stepped, State.OFF, None, Side.BOTH)
            commands.extend(asked)
        kept.append(stepped)
    return tuple(kept), tuple(commands)


def _cut_short(current: Recording, at: float) -> Recording:
    """The call is over and its channels with it: what recorded them has ended, asked or not, heard of or not.

    A command under way is waited for all the same: a start that succeeds late has left a file to take over.
    """
    return current if current.asked is not None else recording.ended_with_leg(current, at)


def _handed_over(session: Session) -> Outcome:
    call = session.call
    if call.ended_at is None or session.handed_over:
        return session, ()
    current = session.recording
    if any(old.asked is not None for old in (current, *session.rest) if old is not None):
        return session, ()
    session = replace(session, handed_over=True)
    pad, said = keypads.ended(session.keypad, call.ended_at)
    session, _ = _guarded(replace(session, keypad=pad), call.ended_at, said)
    current = session.recording
    answers = (f"{announcing.ANSWER}{leg}" for leg in session.announcing.awaited)
    timers = tuple(
        CancelTimer(call.id, name)
        for name in (*answers, START_DELAY, MOST_LENGTH, QUIET, recording.RETRY, *pauses.TIMERS, *TOLD)
    )
    if session.decision is not None and session.decision.hidden:
        return session, timers
    rest = tuple(HandOver(call.id, old.id, "") for old in session.rest if old.segments)
    if current is None or not recording.has_begun(current):
        return session, (*timers, HandOver(call.id, None), *rest)
    return session, (*timers, HandOver(call.id, current.id, _discarded(session)), *rest)


def _discarded(session: Session) -> str:
    """Why this recording must not be kept; "" where it is kept. Its length is judged later, by the pipeline."""
    options = session.verdict.options if session.verdict else Options()
    if session.call.talked_at is None and not options.keep_unanswered:
        return "nobody answered, so nobody talked"
    if session.verdict is not None and not wishes.kept(session.verdict, session.wish):
        return "a party refused to be recorded" if session.wish.refused else "nobody asked to keep it"
    return ""


def _union(one: tuple[Subject, ...], other: tuple[Subject, ...]) -> tuple[Subject, ...]:
    new = [subject for subject in other if subject not in one]
    return (*one, *new) if new else one


def recording_id(call: CallId) -> RecordingId:
    """A name for this call's recording: made of the call's own id, so that it is the same after a restart."""
    return RecordingId(re.sub(r"[^A-Za-z0-9_-]+", "-", call).strip("-"))
