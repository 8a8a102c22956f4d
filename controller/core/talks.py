"""Who talked when: the spells of each leg in conversation, in a conference, on hold, parked. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from controller.core.altered import quick, replace
from controller.core.commands import LegId

MOST_SPELLS = 2000
"""A call with more is a bridge that its members enter and leave all day: further ones are not told."""


class Doing(Enum):
    TALKS = "talk"  # with the legs of its company
    CONSULTS = "consultation"  # talks while the one whom it is about waits elsewhere
    MEETS = "conference"
    WAITS = "hold"  # hears the music
    PARKED = "parked"


@quick
@dataclass(frozen=True, slots=True)
class Spell:
    """One leg's time of doing one thing. `company`: who talk with each other; nobody is named elsewhere."""

    leg: LegId
    doing: Doing
    since: float
    company: frozenset[LegId] = frozenset()
    until: float | None = None


Doings = Mapping[LegId, tuple[Doing, frozenset[LegId]]]


@quick
@dataclass(frozen=True, slots=True)
class Talks:
    """The spells of a call: those that go on, and those that are over in order of their ends."""

    now: tuple[Spell, ...] = ()
    over: tuple[Spell, ...] = ()

    @property
    def all(self) -> tuple[Spell, ...]:
        """In order of their beginnings."""
        return tuple(sorted((*self.over, *self.now), key=lambda spell: spell.since))


def told(talks: Talks, doings: Doings, at: float) -> Talks:
    """The talks after everybody has been found doing this; the very same object if nobody does anything else."""
    kept = tuple(spell for spell in talks.now if doings.get(spell.leg) == (spell.doing, spell.company))
    if len(kept) == len(talks.now) == len(doings):
        return talks
    ended = tuple(replace(spell, until=at) for spell in talks.now if spell not in kept)
    known = {spell.leg for spell in kept}
    begun = tuple(Spell(leg, doing, at, company) for leg, (doing, company) in doings.items() if leg not in known)
    return Talks((*kept, *begun), (*talks.over, *ended)[:MOST_SPELLS])


def joined(one: Talks, other: Talks) -> Talks:
    """The talks of two calls that became one."""
    over = sorted((*one.over, *other.over), key=lambda spell: spell.until or spell.since)
    return Talks((*one.now, *other.now), tuple(over)[:MOST_SPELLS])
