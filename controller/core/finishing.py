"""From a session that is over to the Finished record that the spool and the catalogue take."""

from __future__ import annotations

from collections.abc import Callable

from controller.core.altered import replace
from controller.core.calls import Call, Leg, is_room
from controller.core.commands import HandOver, LegId, Start, pbx_of
from controller.core.decision import Decision, Mode
from controller.core.finished import AnchorIs, Finished, FinishedParty, FinishedSegment
from controller.core.recording import Recording, Segment
from controller.core.roster import Party, Roster
from controller.core.session import Session
from controller.core.subjects import callers, direction, party

Files = Callable[[Start], tuple[str, str, str]]
"""For the command that began a segment: paths of the mixed, the anchor's and the others' file."""


def finish(session: Session, handover: HandOver, roster: Roster, files: Files) -> Finished:
    """What is to be remembered of this conversation, or (recording None) why there is nothing to hear of it."""
    call = session.call
    decision = session.verdict or session.decision or Decision(Mode.NEVER, "nothing was decided before it ended")
    recording = _recording(session, handover)
    if recording is None and decision.mode is not Mode.NEVER:
        decision = replace(decision, reason=_not_recorded(session, decision))
    ended_at = call.ended_at or call.began_at
    return Finished(
        call=call.id,
        pbx=pbx_of(call.id),
        began_at=call.began_at,
        ended_at=ended_at,
        decision=decision,
        answered_at=call.answered_at,
        talked_at=call.talked_at,
        direction=direction(call, roster),
        dialled=next((leg.dialled for leg in callers(call) if leg.dialled), ""),
        queue=call.queue,
        room=call.room,
        recording=recording.id if recording else None,
        owners=session.owners or decision.owners,
        parties=tuple(_party(leg, roster) for leg in call.legs.values() if not leg.local),
        segments=tuple(_segments(recording, call, roster, files)) if recording else (),
        marks=recording.marks if recording else (),
        discard=handover.discard,
    )


def _not_recorded(session: Session, decision: Decision) -> str:
    """Why there is nothing to hear of a call that its rule would have let be recorded."""
    rule = f"rule '{decision.rule}'" if decision.rule else "the default"
    if session.call.talked_at is None:
        return f"not recorded: nobody answered ({rule}, {decision.mode.value})"
    if decision.mode is Mode.ON_DEMAND:
        return f"not recorded: nobody asked for it ({rule} lets people record on demand)"
    if session.recording is not None and session.recording.given_up:
        return f"not recorded: the PBX would not start it ({rule}); see `onrecord explain`"
    return f"not recorded: it ended before it began ({rule}, {decision.mode.value})"


def _recording(session: Session, handover: HandOver) -> Recording | None:
    mine = (session.recording, *session.rest)
    return next((each for each in mine if each is not None and each.id == handover.recording), None)


def _party(leg: Leg, roster: Roster) -> FinishedParty:
    who = roster.who(leg)
    return FinishedParty(
        leg=leg.id,
        endpoint=leg.endpoint,
        number=leg.number,
        name=leg.name,
        dialled=leg.dialled,
        party=party(leg, roster),
        subject=who[0] if who else None,
        joined_at=leg.joined_at,
        ended_at=leg.ended_at,
    )


def _segments(recording: Recording, call: Call, roster: Roster, files: Files) -> list[FinishedSegment]:
    return [
        _segment(segment, segment.started_at, call, roster, files)
        for segment in recording.segments
        if segment.started_at is not None
    ]


def _segment(segment: Segment, started_at: float, call: Call, roster: Roster, files: Files) -> FinishedSegment:
    mixed, anchor, others = files(segment.start)
    return FinishedSegment(
        number=segment.number,
        leg=segment.leg,
        started_at=started_at,
        ended_at=max(started_at, segment.ended_at or call.ended_at or started_at),
        ended_by=segment.ended_by,
        mixed=mixed,
        anchor=anchor,
        others=others,
        anchor_is=_anchor_is(segment.leg, call, roster),
    )


def _anchor_is(leg: LegId, call: Call, roster: Roster) -> AnchorIs:
    """Whose side of the stereo file the anchor's own voice is: the customer's is always the left one (B-19)."""
    if is_room(call.id):
        return AnchorIs.ROOM
    carrier = call.legs.get(leg)
    if carrier is None or party(carrier, roster) is Party.EXTERNAL:
        return AnchorIs.CUSTOMER
    outside = any(party(each, roster) is Party.EXTERNAL for each in call.legs.values() if each.joined_at is not None)
    first = next(iter(callers(call)), None)
    return AnchorIs.INSIDE if outside or (first is not None and first.id != leg) else AnchorIs.CUSTOMER
