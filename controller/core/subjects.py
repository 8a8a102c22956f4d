"""Who is on a call: subjects and their legs, directions, remote numbers, and the leg that carries the recorder."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from controller.core.altered import quick
from controller.core.calls import Call, Leg, is_room, left_alone, left_behind, talking
from controller.core.commands import LegId
from controller.core.decision import Subject, SubjectKind
from controller.core.events import BridgeKind
from controller.core.numbers import Way
from controller.core.roster import Extension, Line, Party, Place, RingGroup, Roster, Trunk

__all__ = [
    "Extension",
    "Line",
    "Party",
    "Place",
    "Remote",
    "RingGroup",
    "Roster",
    "Trunk",
    "anchor",
    "arrived",
    "callers",
    "direction",
    "former_subjects_of",
    "incoming",
    "is_consultation",
    "numbers_on",
    "party",
    "present",
    "remotes",
    "room_of",
    "seated",
    "subjects_of",
    "traffic",
]

SubjectLegs = tuple[Subject, tuple[Leg, ...]]
_NO_NUMBER = frozenset({"s", "i", "h", "t", "o", "a"})
"""Asterisk's special extensions: a leg that dialled one of them dialled nothing."""


def party(leg: Leg, roster: Roster) -> Party:
    """On which side of the company's door this leg's person stands."""
    who = roster.who(leg)
    if who is not None:
        return who[1]
    return Party.INTERNAL if leg.number and roster.is_internal(leg.number) else Party.UNKNOWN


def present(call: Call, roster: Roster) -> tuple[Leg, ...]:
    """The real legs that count now.

    In conversation: those who talk, and outside legs that have been part of it (held, parked: the external party is
    still there). Before: whoever calls, and whoever rings or is up. Between two conversations of a call (a transfer
    that rings, parking): whoever has talked and is still there. Once it is over: whoever has talked.
    """
    heard = talking(call)
    if heard:
        if len(heard) == len(call.legs):
            return heard
        ids = {leg.id for leg in heard}
        kept = [leg for leg in call.legs.values() if leg.alive and leg.id not in ids and _outside_stays(leg, roster)]
        return (*heard, *kept)
    real = [leg for leg in call.legs.values() if not leg.local]
    alive = [leg for leg in real if leg.alive]
    if not alive:
        return tuple(leg for leg in real if leg.joined_at is not None) or tuple(leg for leg in real if arrived(leg))
    if call.talked_at is None:
        return tuple(leg for leg in alive if arrived(leg))
    away = left_behind(call)
    return tuple(
        leg for leg in alive if (leg.joined_at is not None and leg.id not in away) or _outside_stays(leg, roster)
    )


def arrived(leg: Leg) -> bool:
    """Whether a leg is part of the call yet: it called, or it rang or is up. Before that, nobody may ever answer."""
    return leg.originating or leg.rang_at is not None or _up(leg)


def _up(leg: Leg) -> bool:
    return leg.answered_at is not None or leg.joined_at is not None


def _outside_stays(leg: Leg, roster: Roster) -> bool:
    """A trunk's leg that is part of the conversation even while it hears nobody; one that still rings is not yet."""
    if leg.local or not (leg.originating or leg.joined_at is not None):
        return False
    who = roster.listed(leg)
    return who is not None and who[1] is Party.EXTERNAL


def subjects_of(call: Call, roster: Roster, legs: tuple[Leg, ...] | None = None) -> tuple[SubjectLegs, ...]:
    """Every subject on the call now, with its legs: people, lines, trunks, DDIs, then ring group, queue or room.

    `legs`: what `present` gave, where it was asked already.
    """
    legs = present(call, roster) if legs is None else legs
    found = _at_endpoints(legs, roster)
    group = _ring_group(call, legs, roster)
    if group is not None:
        found.append((group, legs))
    if call.queue:
        found.append((Subject(SubjectKind.QUEUE, call.queue), legs))
    if is_room(call.id):
        found.append((Subject(SubjectKind.CONFERENCE, room_of(call)), legs))
    return tuple(found)


def former_subjects_of(call: Call, roster: Roster, now: Iterable[SubjectLegs]) -> tuple[SubjectLegs, ...]:
    """People and lines that talked earlier in this call and are out of it now (for `follow_transfer`)."""
    gone = out_of_it(call, present(call, roster))
    if not gone:
        return ()
    here = [subject for subject, _ in now]
    return tuple(
        (subject, legs)
        for subject, legs in _at_endpoints(gone, roster)
        if subject not in here and subject.kind in (SubjectKind.EXTENSION, SubjectKind.LINE)
    )


def out_of_it(call: Call, legs: tuple[Leg, ...]) -> list[Leg]:
    """Who has talked and is not among these, who are `present`; a leg may live on without its part in the call."""
    here = {leg.id for leg in legs}
    return [leg for leg in call.legs.values() if leg.joined_at is not None and not leg.local and leg.id not in here]


def _at_endpoints(legs: Iterable[Leg], roster: Roster) -> list[SubjectLegs]:
    who = [(roster.who(leg), leg) for leg in legs]
    found: dict[tuple[SubjectKind, str], list[Leg]] = {}
    subjects: dict[tuple[SubjectKind, str], Subject] = {}
    for listed, leg in who:
        if listed is None:
            continue
        subject, side = listed
        key = (subject.kind, subject.name)
        subjects[key] = subject
        found.setdefault(key, []).append(leg)
        if side is Party.EXTERNAL:
            number = _ddi(leg, roster)
            if number:
                key = (SubjectKind.DDI, number)
                subjects[key] = Subject(SubjectKind.DDI, number)
                found.setdefault(key, []).append(leg)
    return [(subjects[key], tuple(here)) for key, here in found.items()]


def _ddi(leg: Leg, roster: Roster) -> str:
    """The company's own number on a trunk's leg: what came in was dialled to it, what goes out shows it."""
    number = leg.dialled if leg.originating else leg.presented
    return "" if not number or number in _NO_NUMBER else roster.plan.canonical(number)


def _ring_group(call: Call, legs: tuple[Leg, ...], roster: Roster) -> Subject | None:
    told = call.attributes.get("group", "")
    if told:
        return roster.ring_group(told) or Subject(SubjectKind.RING_GROUP, told)
    if not roster.ring_groups:
        return None
    asked = (roster.ring_group(leg.dialled) for leg in legs if leg.originating)
    return next((group for group in asked if group is not None), None)


def room_of(call: Call) -> str:
    """The conference's name, also when only its id tells it."""
    return call.room or call.id.partition("/room:")[2].rpartition(":")[0]


def seated(call: Call) -> frozenset[LegId]:
    """The real legs of this call that sit in a conference now, also those that reach it through a local pair."""
    if not call.in_room:
        return frozenset()
    alive = [leg for leg in call.legs.values() if leg.alive and leg.bridge is not None]
    pairs = {leg.local for leg in alive if leg.local and leg.kind is BridgeKind.ROOM}
    doors = {leg.bridge for leg in alive if leg.local in pairs} if pairs else set()
    return frozenset(
        leg.id for leg in alive if not leg.local and (leg.kind is BridgeKind.ROOM or leg.bridge in doors)
    )


def callers(call: Call) -> tuple[Leg, ...]:
    """The real legs that called, oldest first; of a call that the PBX itself made (click to call), the oldest leg."""
    real = [leg for leg in call.legs.values() if not leg.local and arrived(leg)]
    called = [leg for leg in real if leg.originating] or real[:1]
    return tuple(sorted(called, key=_age)) if len(called) > 1 else tuple(called)


def direction(call: Call, roster: Roster) -> str:
    """Seen from the company: inbound (an outside party called), outbound (one was called), or internal.

    It stays what it was when the outside party has gone; one that only rang does not make a call outbound.
    """
    outbound = False
    for leg in call.legs.values():
        if leg.local or (who := roster.listed(leg)) is None or who[1] is not Party.EXTERNAL:
            continue
        if leg.originating:
            return "inbound"
        outbound = outbound or (leg.alive and arrived(leg)) or leg.joined_at is not None
    return "outbound" if outbound else "internal"


def incoming(call: Call, subject: Subject, legs: tuple[Leg, ...]) -> bool:
    """Whether the call comes in as this subject sees it (I-14). A queue, group or room is always called.

    For a trunk or DDI, in means into the company: the trunk's own leg called the PBX.
    """
    if not legs or subject.kind in (SubjectKind.QUEUE, SubjectKind.RING_GROUP, SubjectKind.CONFERENCE):
        return True
    called = any(leg.originating for leg in legs)
    if subject.kind in (SubjectKind.TRUNK, SubjectKind.DDI):
        return called
    if called:
        return False
    return legs[0] not in callers(call)


@quick
@dataclass(frozen=True, slots=True)
class Remote:
    """One number on the other side, seen from a subject. `way` FROM: that party called."""

    number: str
    way: Way
    outside: bool


def remotes(call: Call, subject: Subject, legs: tuple[Leg, ...], roster: Roster) -> tuple[Remote, ...]:
    """The numbers on the other side of this subject.

    For a person: everybody else who counts now, or what the person dialled while nobody else is there. For a trunk
    or DDI: the outside party. For a queue, group or room: whoever called it.
    """
    kind = subject.kind
    if kind in (SubjectKind.TRUNK, SubjectKind.DDI):
        return tuple(_remote(leg, roster) for leg in legs)
    if kind in (SubjectKind.QUEUE, SubjectKind.RING_GROUP):
        return tuple(_remote(leg, roster) for leg in callers(call))
    if kind is SubjectKind.CONFERENCE:
        return tuple(_remote(leg, roster) for leg in legs)
    mine = {leg.id for leg in legs}
    others = tuple(_remote(leg, roster) for leg in present(call, roster) if leg.id not in mine)
    others = tuple(one for one in others if one.number)
    if others:
        return others
    return tuple(
        Remote(leg.dialled, Way.TO, not roster.is_internal(leg.dialled))
        for leg in legs
        if leg.originating and leg.dialled and leg.dialled not in _NO_NUMBER
    )


def numbers_on(legs: Iterable[Leg], roster: Roster) -> tuple[Remote, ...]:
    """The number of everybody on these legs, as whoever talks to them sees it."""
    return tuple(_remote(leg, roster) for leg in legs)


def _remote(leg: Leg, roster: Roster) -> Remote:
    """The number at which this leg's party is reached. A dialled leg's own caller number is not trusted: a PBX may
    put there whom it is being called by."""
    way = Way.FROM if leg.originating else Way.TO
    who = roster.who(leg)
    if who is not None and who[1] is Party.INTERNAL:
        return Remote(who[0].name, way, False)
    number = leg.number if leg.originating else leg.dialled or leg.number
    return Remote(number, way, not (number and roster.is_internal(number)))


def traffic(remote: tuple[Remote, ...]) -> str:
    """internal, external, or "" while nobody is known there (I-15). One outside party makes it external."""
    if not remote:
        return ""
    return "external" if any(one.outside for one in remote) else "internal"


def anchor(call: Call, roster: Roster, current: LegId | None = None) -> LegId | None:
    """The leg that is to carry the recorder; None: nowhere to record.

    `current` is the leg that a recorder runs on now (None while none does). It is kept as long as the conversation
    can be heard there, since moving costs a new segment: while it talks, while it is an outside leg that is still
    there (held or parked: the external party has not left), or while nobody talks and it lives.

    Otherwise: in a room, whoever has been in it longest; else the outside leg (the one that talks first, then the one
    that called), which survives every transfer; else the caller's leg; else the oldest that talks. A dialled trunk
    that only rings is no outside leg yet: another phone may win. Half of a local pair never carries a recorder.
    """
    heard = talking(call)
    now = call.legs.get(current) if current is not None else None
    if is_room(call.id):
        return _room_anchor(call, heard, now)
    outside = [leg for leg in call.legs.values() if leg.alive and _outside_stays(leg, roster)]
    if now is not None and now.alive and not now.local and (now in heard or now in outside or not heard):
        return now.id
    best = [leg for leg in outside if leg in heard] or outside
    if best:
        return min(best, key=lambda leg: (not leg.originating, leg.appeared_at)).id
    # Who was left in a bridge by himself (the parker, who is told the place) is waiting for nobody.
    left = left_alone(call) if call.talked_at is not None and not heard else frozenset()
    calling = [leg for leg in callers(call) if leg.alive and leg.id not in left and (not heard or leg in heard)]
    up = [leg for leg in call.legs.values() if leg.alive and not leg.local and _up(leg)]
    others = heard or [leg for leg in up if leg.id not in left]
    chosen = calling or sorted(others, key=_age)
    return chosen[0].id if chosen else None


def _room_anchor(call: Call, heard: tuple[Leg, ...], now: Leg | None) -> LegId | None:
    members = heard or tuple(
        leg
        for leg in call.legs.values()
        if leg.alive and not leg.local and leg.bridge and leg.kind is BridgeKind.ROOM
    )
    if now is not None and now in members:
        return now.id
    return min(members, key=lambda leg: (leg.joined_at or leg.appeared_at, leg.id)).id if members else None


def is_consultation(call: Call, roster: Roster) -> bool:
    """Whether somebody of the house placed this call while he had a party of another one on hold."""
    first = next(iter(callers(call)), None)
    return call.consults is not None and first is not None and party(first, roster) is not Party.EXTERNAL


def _age(leg: Leg) -> tuple[float, str]:
    return leg.appeared_at, leg.id
