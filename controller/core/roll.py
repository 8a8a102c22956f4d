"""Roll: the calls that an earlier life of the controller knew, called by name when the PBX is there again.

A snapshot tells only of what is. What was and is no more must be found by its silence: calls, legs and recorders that
the snapshot did not name have ended while nobody listened.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from controller.core.calls import is_room
from controller.core.commands import CallId, LegId, RecordingId
from controller.core.events import CallGone, Event, LegAppeared, LegEnded, RecorderFound, RecorderLost
from controller.core.recording import Recording
from controller.core.session import Session

ABSENT = "while no controller ran"


@dataclass(slots=True)
class Roll:
    """One PBX's. `ends`: when a call's last sound was written, which is when it ended, if it did (Unix seconds)."""

    sessions: Mapping[CallId, Session]
    ends: Mapping[CallId, float] = field(default_factory=dict)
    _legs: dict[tuple[bool, LegId], CallId] = field(default_factory=dict)  # True: as a member of a conference
    _present: set[tuple[bool, LegId]] = field(default_factory=set)
    _found: set[tuple[RecordingId, int]] = field(default_factory=set)

    def __post_init__(self) -> None:
        for call, session in self.sessions.items():
            for leg in session.call.legs.values():
                if leg.alive:
                    self._legs[is_room(call), leg.id] = call

    def home(self, event: Event) -> CallId | None:
        """The call that this event is about, where the PBX calls it by another name than it did before: after a
        pickup or a transfer several ids would do. None: none of these."""
        if isinstance(event, LegAppeared | RecorderFound):
            return self._legs.get((is_room(event.call), event.leg))
        return None

    def hear(self, event: Event) -> None:
        """Note who is there."""
        if isinstance(event, LegAppeared):
            self._present.add((is_room(event.call), event.leg))
        elif isinstance(event, RecorderFound):
            self._found.add((event.recording, event.segment))

    def absent(self, now: Mapping[CallId, Session], at: float) -> list[Event]:
        """What ended meanwhile, once the snapshot is complete: recorders, then legs, then whole calls. `now`: the
        sessions as the snapshot left them."""
        out: list[Event] = []
        for call in self.sessions:
            session = now.get(call)
            if session is None:
                continue  # merged or ended by the snapshot itself
            legs = [leg.id for leg in session.call.legs.values() if leg.alive]
            gone = [leg for leg in legs if (is_room(call), leg) not in self._present]
            over = gone == legs
            ended = min(at, max(self.ends.get(call, at), session.call.began_at)) if over else at
            for recording in _recordings(session):
                out += self._lost(call, recording, gone, ended)
            if over:
                out.append(CallGone(call, ended))
            else:
                out += [LegEnded(call, at, leg, ABSENT) for leg in gone]
        return out

    def _lost(self, call: CallId, recording: Recording, gone: Iterable[LegId], at: float) -> list[Event]:
        segment = recording.segment
        if segment is None or segment.ended_at is not None or (recording.id, segment.number) in self._found:
            return []
        if segment.started_at is None and recording.asked is None:
            return []
        hung_up = segment.leg in gone
        reason = f"{'its leg hung up' if hung_up else 'it ended'} {ABSENT}"
        return [RecorderLost(call, at, recording.id, segment.number, reason, leg_gone=hung_up)]


def _recordings(session: Session) -> list[Recording]:
    return [each for each in (session.recording, *session.rest) if each is not None]
