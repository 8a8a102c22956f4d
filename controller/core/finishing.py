"""From a session that is over to the Finished record that the spool and the catalogue take."""

from __future__ import annotations

from collections.abc import Callable

from controller.core import consent
from controller.core.altered import replace
from controller.core.calls import Call, Leg, is_room
from controller.core.commands import HandOver, LegId, Start, pbx_of
from controller.core.consent import Ledger, Standing
from controller.core.decision import Decision, Mode
from controller.core.finished import (
    AnchorIs,
    Finished,
    FinishedConsent,
    FinishedParty,
    FinishedSegment,
    FinishedTalk,
    Part,
)
from controller.core.recording import Recording, Segment
from controller.core.roster import Party, Roster
from controller.core.session import Session
from controller.core.subjects import callers, direction, is_consultation, party
from controller.core.talks import Doing, Spell

LEAST_HEARD = 0.1
"""Seconds: who is heard for less in a segment is none of its people."""

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
    aside = is_consultation(call, roster)
    talks = talks_of(call, roster, aside)
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
        owners=(recording.owners if recording else ()) or session.owners or decision.owners,
        parties=tuple(_party(leg, roster) for leg in call.legs.values() if not leg.local),
        segments=_labelled(_segments(recording, call, roster, files), talks, call, roster) if recording else (),
        marks=recording.marks if recording else (),
        discard=handover.discard,
        part=Part.CONSULTATION if aside or (recording and recording.consultation) else Part.CONVERSATION,
        talks=talks,
        consents=_consents(session.consent),
    )


def _consents(ledger: Ledger) -> tuple[FinishedConsent, ...]:
    found = [
        FinishedConsent(leg, one.standing, one.at, one.prompt, one.how)
        for leg, entries in ledger.items()
        for one in entries
    ]
    return tuple(sorted(found, key=lambda one: one.at))


def _not_recorded(session: Session, decision: Decision) -> str:
    """Why there is nothing to hear of a call that its rule would have let be recorded."""
    rule = f"rule '{decision.rule}'" if decision.rule else "the default"
    refused = (Standing.REFUSED, Standing.WITHDRAWN)
    if any(consent.standing(session.consent, leg) in refused for leg in session.consent):
        return f"not recorded: a party refused to be recorded ({rule}, {decision.mode.value})"
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


def _labelled(
    segments: list[FinishedSegment], talks: tuple[FinishedTalk, ...], call: Call, roster: Roster
) -> tuple[FinishedSegment, ...]:
    return tuple(replace(one, label=_label(one, talks, call, roster)) for one in segments)


def _label(segment: FinishedSegment, talks: tuple[FinishedTalk, ...], call: Call, roster: Roster) -> str:
    here = [
        talk
        for talk in talks
        if min(talk.until, segment.ended_at) - max(talk.since, segment.started_at) >= LEAST_HEARD
    ]
    if is_room(call.id) or any(talk.doing is Doing.MEETS and talk.leg == segment.leg for talk in here):
        return f"conference {call.room}".strip()
    mine = segment.leg
    said = [talk for talk in here if talk.doing in (Doing.TALKS, Doing.CONSULTS) and talk.leg != mine]
    apart = [talk for talk in here if talk.doing is Doing.CONSULTS and talk.leg == mine]
    people = dict.fromkeys(_who(call.legs[talk.leg], roster) for talk in said if apart or talk.doing is Doing.TALKS)
    if people:
        return ("consultation: " if apart else "") + ", ".join(people)
    return next((talk.doing.value for talk in here if talk.leg == mine), "")


def _who(leg: Leg, roster: Roster) -> str:
    listed = roster.who(leg)
    number = leg.number if leg.originating else leg.dialled or leg.number
    return str(listed[0]) if listed is not None and listed[1] is not Party.EXTERNAL else number or leg.endpoint


def talks_of(call: Call, roster: Roster, aside: bool = False) -> tuple[FinishedTalk, ...]:
    """Who talked, waited, was parked or consulted when; `aside`: all of this call was a consultation."""
    found: dict[LegId, list[FinishedTalk]] = {}
    for spell in call.talks.all:
        doing = spell.doing
        if doing is Doing.TALKS and (aside or _apart(spell, call, roster)):
            doing = Doing.CONSULTS
        until = spell.until if spell.until is not None else call.ended_at or spell.since
        mine = found.setdefault(spell.leg, [])
        if mine and mine[-1].doing is doing and spell.since - mine[-1].until < TOGETHER:
            mine[-1] = replace(mine[-1], until=until)
        elif until > spell.since:
            mine.append(FinishedTalk(spell.leg, doing, spell.since, until))
    return tuple(sorted((talk for talks in found.values() for talk in talks), key=lambda talk: talk.since))


TOGETHER = 0.05
"""Seconds: whoever changes bridges for less goes on doing what he did."""


def _apart(spell: Spell, call: Call, roster: Roster) -> bool:
    """Whether these people talk while somebody of the call waits elsewhere, and nobody outside hears them."""
    if any(party(call.legs[leg], roster) is Party.EXTERNAL for leg in spell.company if leg in call.legs):
        return False
    waiting = {
        one.leg
        for one in call.talks.all
        if one.doing in (Doing.WAITS, Doing.PARKED) and one.since <= spell.since < (one.until or spell.since + 1)
    }
    return any(
        leg.id in waiting or party(leg, roster) is Party.EXTERNAL
        for leg in call.legs.values()
        if leg.id not in spell.company
        and not leg.local
        and leg.joined_at is not None
        and leg.joined_at < spell.since
        and (leg.ended_at is None or leg.ended_at > spell.since)
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
