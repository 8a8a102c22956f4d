"""The recorders of one call: of the conversation, of a consultation within it, and of calls merged into it. Pure."""

from __future__ import annotations

import re

from controller.core import announcing, aside, recording, wishes
from controller.core.altered import replace
from controller.core.calls import company
from controller.core.commands import CallId, Command, LegId, RecordingId, Side, pbx_of
from controller.core.decision import Mode, Subject
from controller.core.events import Event, LegJoined, RecorderFound
from controller.core.policy import Policy
from controller.core.recording import Recording, State
from controller.core.state import Outcome, Session
from controller.core.subjects import anchor
from controller.core.wanted import on_hold


def step(session: Session, event: Event, want: State, rules: Policy, acting: bool) -> Outcome:
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
    by = recording.ON_HOLD if on_hold(session) and not session.wish.paused else session.wish.by
    by = announcing.BY if session.announcing.untold and not session.wish.paused else by
    current, heard = recording.hear(current, event, want, by)
    ended_at = session.call.ended_at
    if ended_at is not None:
        return replace(session, recording=_cut_short(current, ended_at)), heard
    asked: tuple[Command, ...] = ()
    if acting:
        side = session.decision.options.pause_side if session.decision else Side.BOTH
        if session.keypad.blanked or (on_hold(session) and not session.wish.paused) or session.announcing.untold:
            side = Side.BOTH  # tones of one party come back as an echo from the other
        # Whom a recorder hears can change with a new arrival only, and counts from its start on.
        leg = anchor_of(session, current, rules) if current.settled or isinstance(event, LegJoined) else None
        near = _company(session, leg, rules)
        unkept = session.decision is not None and wishes.provisional(session.decision, session.wish)
        current, asked = recording.close(recording.meet(current, near), want, leg, side, near, unkept)
    owners, verdict = session.owners, session.verdict
    if want is not State.OFF and session.decision is not None:
        owners, verdict = union(owners, session.decision.owners), session.decision
    if current is not session.recording or verdict is not session.verdict or owners is not session.owners:
        session = replace(session, recording=current, owners=owners, verdict=verdict)
    return session, (*heard, *asked)


def _beside(session: Session, event: Event, rules: Policy, acting: bool) -> Outcome:
    """What is no recording of the conversation itself: a consultation within the call, and what comes to an end."""
    if isinstance(event, RecorderFound) and _is_second(session, event):
        session = replace(session, rest=(*session.rest, Recording(session.call.id, event.recording)))
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


def _is_second(session: Session, event: RecorderFound) -> bool:
    """Whether the dialplan began a recorder while we hung, and ours is under way too: what it has is handed over."""
    current = session.recording
    if current is None or (not current.segments and current.asked is None) or aside.is_recording_id(event.recording):
        return False
    return event.recording not in {each.id for each in (current, session.aside, *session.rest) if each is not None}


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


def anchor_of(session: Session, current: Recording, rules: Policy) -> LegId | None:
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


def union(one: tuple[Subject, ...], other: tuple[Subject, ...]) -> tuple[Subject, ...]:
    new = [subject for subject in other if subject not in one]
    return (*one, *new) if new else one


def recording_id(call: CallId) -> RecordingId:
    """A name for this call's recording: made of the call's own id, so that it is the same after a restart."""
    return RecordingId(re.sub(r"[^A-Za-z0-9_-]+", "-", call).strip("-"))
