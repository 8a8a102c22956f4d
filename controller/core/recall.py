"""Recall: the session of a call as it was when the controller died, from what its journal says. Pure.

The commands are taken from the journal and not thought up anew: answers carry the very command, and the rules or the
program may have changed meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable

from controller.core import aside, updating
from controller.core import session as sessions
from controller.core.altered import replace
from controller.core.calls import talking
from controller.core.commands import Command, Pause, RecorderCommand, Resume, Start, Stop
from controller.core.decision import Decision
from controller.core.events import Event, LegLeft
from controller.core.policy import Policy
from controller.core.recording import Recording, Segment
from controller.core.session import Session


def step(
    session: Session, event: Event, commands: Iterable[Command], decision: Decision | None, rules: Policy
) -> Session:
    """The session after one line of the journal: the event, the decision where it changed, and what was asked for."""
    before = session
    session, _ = sessions.step(session, event, rules, acting=False)
    session = _decided(session, before, decision)
    for command in commands:
        if isinstance(command, Start | Stop | Pause | Resume):
            session = _asked(session, command)
    return session


def adrift(session: Session) -> Session:
    """The session with nobody in any bridge: who is where, and who is left, the snapshot tells."""
    call = session.call
    for leg in session.call.legs.values():
        if leg.alive and leg.bridge is not None:
            call = updating.update(call, LegLeft(call.id, call.began_at, leg.id, leg.bridge))
    return replace(session, call=call)


def _decided(session: Session, before: Session, decision: Decision | None) -> Session:
    """What was decided then, not what today's rules say; they come into force when the link is up again."""
    was, verdict = decision or before.decision, before.verdict
    call = session.call
    if decision is not None and call.ended_at is None and (call.talked_at is None or talking(call)):
        verdict = decision
    return session if was is None else replace(session, decision=was, verdict=verdict or was)


def _asked(session: Session, command: RecorderCommand) -> Session:
    if isinstance(command, Start) and session.aside is None and aside.is_recording_id(command.recording):
        session = replace(session, aside=Recording(session.call.id, command.recording, consultation=True))
    if session.aside is not None and session.aside.id == command.recording:
        return replace(session, aside=_under_way(session.aside, command))
    if session.recording is None and isinstance(command, Start):
        session = replace(session, recording=Recording(session.call.id, command.recording))
    if session.recording is not None and session.recording.id == command.recording:
        return replace(session, recording=_under_way(session.recording, command))
    rest = tuple(_under_way(old, command) if old.id == command.recording else old for old in session.rest)
    return replace(session, rest=rest)


def _under_way(recording: Recording, command: RecorderCommand) -> Recording:
    numbered = max(recording.numbered, command.number)
    if isinstance(command, Start):
        kept = tuple(old for old in recording.segments if old.started_at is not None)
        segments = (*kept, Segment(command.segment, command.leg, command))
        return replace(recording, asked=command, numbered=numbered, segments=segments)
    newest = recording.segment
    if newest is None or newest.number != command.segment:
        return replace(recording, numbered=numbered)  # the stop of one that was given up: nobody waits for it
    return replace(recording, asked=command, numbered=numbered)
