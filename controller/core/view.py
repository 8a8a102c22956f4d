"""What a condition may look at, and what it must be able to tell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo
from typing import ClassVar, Protocol

from controller.core.altered import quick
from controller.core.calls import Call, Leg
from controller.core.decision import Subject
from controller.core.numbers import NumberPlan
from controller.core.subjects import Remote, Roster, callers, direction, incoming, remotes, traffic


@quick
@dataclass(frozen=True, slots=True)
class View:
    """A call as one of its subjects sees it: all that a condition may look at. `zone` is the subject's site's."""

    call: Call
    subject: Subject
    legs: tuple[Leg, ...]
    roster: Roster
    site: str
    zone: tzinfo

    @property
    def direction(self) -> str:
        return direction(self.call, self.roster)

    @property
    def incoming(self) -> bool:
        return incoming(self.call, self.subject, self.legs)

    @property
    def remotes(self) -> tuple[Remote, ...]:
        return remotes(self.call, self.subject, self.legs, self.roster)

    @property
    def traffic(self) -> str:
        return traffic(self.remotes)

    @property
    def dialled(self) -> tuple[str, ...]:
        return tuple(leg.dialled for leg in callers(self.call) if leg.dialled)


class Condition(Protocol):
    """Something that holds for a call, as one subject sees it, or does not."""

    def holds(self, view: View) -> bool: ...

    def fact(self, view: View) -> str:
        """What is the case, for the person who asks why: "direction is outbound"."""
        ...

    def __str__(self) -> str:
        """What the rule wants, in the words of the policy file."""
        ...


class Leaf(Condition, Protocol):
    """A condition with a name of its own in the policy file. `takes` and `example` go into the reference page."""

    takes: ClassVar[str]
    example: ClassVar[str]

    @classmethod
    def read(cls, value: object, plan: NumberPlan) -> Condition:
        """The condition that this TOML value means. Raises ValueError, saying what would be right."""
        ...
