"""The end of a call: what is handed over, what of it must not be kept, and which timers nobody needs. Pure."""

from __future__ import annotations

from controller.core import announcing, beeping, listening, pauses, recording, wishes
from controller.core import keypad as keypads
from controller.core.altered import replace
from controller.core.commands import CancelTimer, HandOver
from controller.core.decision import Options
from controller.core.listening import QUIET
from controller.core.recording import Recording
from controller.core.state import Outcome, Session

START_DELAY = "start"

MOST_LENGTH = "max-length"

TOLD = (*announcing.TIMERS, beeping.AGAIN)


def handed_over(session: Session) -> Outcome:
    call = session.call
    if call.ended_at is None or session.handed_over:
        return session, ()
    current = session.recording
    if any(old.asked is not None for old in (current, *session.rest) if old is not None):
        return session, ()
    session = replace(session, handed_over=True)
    pad, said = keypads.ended(session.keypad, call.ended_at)
    session, _ = listening.watched_over(replace(session, keypad=pad), call.ended_at, said)
    current = session.recording
    answers = (f"{announcing.ANSWER}{leg}" for leg in session.announcing.awaited)
    timers = tuple(
        CancelTimer(call.id, name)
        for name in (*answers, START_DELAY, MOST_LENGTH, QUIET, recording.RETRY, *pauses.TIMERS, *TOLD)
    )
    if session.decision is not None and session.decision.hidden:
        return session, timers
    rest = tuple(HandOver(call.id, old.id, _discarded_too(session, old)) for old in session.rest if old.segments)
    if current is None or not recording.has_begun(current):
        return session, (*timers, HandOver(call.id, None), *rest)
    return session, (*timers, HandOver(call.id, current.id, _discarded(session)), *rest)


def _discarded_too(session: Session, old: Recording) -> str:
    """Of a merged call's: what it captured before anybody asked for it goes the way of what it was merged into."""
    return _discarded(session) if old.provisional else ""


def _discarded(session: Session) -> str:
    """Why this recording must not be kept; "" where it is kept. Its length is judged later, by the pipeline."""
    options = session.verdict.options if session.verdict else Options()
    if session.call.talked_at is None and not options.keep_unanswered:
        return "nobody answered, so nobody talked"
    if session.verdict is not None and not wishes.kept(session.verdict, session.wish):
        return "a party refused to be recorded" if session.wish.refused else "nobody asked to keep it"
    return ""
