"""Sharing: a conference and its member's own call are two calls with one leg; what it heard counts in both. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from controller.core.calls import is_room
from controller.core.commands import CallId, LegId
from controller.core.consent import Entry, Ledger
from controller.core.events import ConsentKnown, Event, LegAppeared
from controller.core.state import Session


def brought(call: CallId, event: Event, live: Iterable[Session]) -> list[ConsentKnown]:
    """What this call has to know before this event: who enters a conference is not told anew of what he has heard."""
    if not isinstance(event, LegAppeared) or not is_room(call):
        return []
    others = (each for each in live if each.call.id != call)
    entries = [entry for each in others for entry in each.consent.get(event.leg, ())]
    return [_known(call, event.at, event.leg, entry) for entry in entries]


def learned(before: Ledger, session: Session, at: float, live: Iterable[Session]) -> list[ConsentKnown]:
    """What others have to know after this session's ledger was `before`."""
    if session.consent is before or not (is_room(session.call.id) or session.call.in_room):
        return []
    found: list[ConsentKnown] = []
    others = [each for each in live if each.call.id != session.call.id]
    for leg, entries in session.consent.items():
        fresh = [entry for entry in entries if entry not in before.get(leg, ())]
        there = [each.call.id for each in others if leg in each.call.legs and each.call.legs[leg].alive]
        found.extend(_known(call, at, leg, entry) for call in there for entry in fresh)
    return found


def _known(call: CallId, at: float, leg: LegId, entry: Entry) -> ConsentKnown:
    return ConsentKnown(call, at, leg, entry.standing.value, entry.at, entry.prompt, entry.how, entry.asked.value)
